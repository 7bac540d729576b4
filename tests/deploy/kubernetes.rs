//! The overlays for Kubernetes resolve, ask for no right, and reach the program's own addresses.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::{
    files::{ask, assert_ended_well, below, path, yaml},
    kustomize::{identity, render},
};

const OVERLAYS: [&str; 2] = ["single", "once"];

fn folder(overlay: &str) -> PathBuf {
    path("deploy/kubernetes/overlays").join(overlay)
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let (Some(object), None) = (found.next(), found.next()) else {
        panic!("not exactly one {kind}");
    };
    object
}

/// The specification of the pods that an object makes, if it makes any.
fn pods(object: &Value) -> Option<&Value> {
    let template = match object["kind"].as_str() {
        Some("CronJob") => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => &object["spec"]["template"],
    };
    template.get("spec")
}

/// Each overlay with the pods it would run.
fn workloads() -> impl Iterator<Item = (&'static str, Value)> {
    OVERLAYS.into_iter().map(|overlay| {
        let objects = render(&folder(overlay));
        let mut found = objects.iter().filter_map(pods);
        let (Some(pod), None) = (found.next(), found.next()) else {
            panic!("{overlay} has not exactly one kind of pod");
        };
        (overlay, pod.clone())
    })
}

#[test]
fn every_manifest_is_one_object_and_no_key_comes_twice() {
    let manifests = below(&path("deploy"), "yaml");
    assert!(manifests.len() > 10, "{manifests:?}");
    for manifest in manifests {
        assert!(yaml(&manifest).is_object(), "{}", manifest.display());
    }
}

#[test]
fn every_manifest_belongs_to_an_overlay_or_a_component() {
    let used: usize = [
        "base",
        "components/monitoring",
        "overlays/single",
        "overlays/replicated",
        "overlays/once",
    ]
    .iter()
    .map(|part| {
        let recipe = yaml(&path("deploy/kubernetes").join(part).join("kustomization.yaml"));
        let files = |key: &str| recipe[key].as_array().map_or(0, Vec::len);
        let folders = recipe["resources"].as_array().map_or(0, |resources| {
            resources.iter().filter(|name| !name.as_str().unwrap().ends_with("yaml")).count()
        });
        1 + files("resources") + files("patches") - folders
    })
    .sum();
    assert_eq!(used, below(&path("deploy/kubernetes"), "yaml").len());
}

#[test]
fn overlays_resolve_as_kubectl_resolves_them() {
    for overlay in OVERLAYS {
        let own: BTreeSet<String> = render(&folder(overlay)).iter().map(Value::to_string).collect();
        assert!(own.len() >= 5, "{overlay}: {own:?}");
        let Some(output) = ask(Command::new("kubectl").arg("kustomize").arg(folder(overlay)))
        else {
            return;
        };
        assert_ended_well(&output);
        let text = String::from_utf8(output.stdout).unwrap();
        let theirs: BTreeSet<String> = text
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str::<Value>(document).unwrap().to_string())
            .collect();
        assert_eq!(own, theirs, "{overlay}");
    }
}

#[test]
fn pods_keep_to_the_restricted_standard() {
    for (overlay, pod) in workloads() {
        let context = &pod["securityContext"];
        assert_eq!(context["runAsNonRoot"], true, "{overlay}");
        assert!(context["runAsUser"].as_u64().is_some_and(|user| user > 0), "{overlay}");
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{overlay}");
        for sharing in
            ["hostNetwork", "hostPID", "hostIPC", "initContainers", "shareProcessNamespace"]
        {
            assert_eq!(pod.get(sharing), None, "{overlay}");
        }
        for volume in pod["volumes"].as_array().unwrap() {
            assert!(volume.get("secret").is_some(), "{overlay}: {volume}");
        }
        for container in pod["containers"].as_array().unwrap() {
            assert_restricted(overlay, container);
        }
    }
}

fn assert_restricted(overlay: &str, container: &Value) {
    let expected = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    });
    assert_eq!(container["securityContext"], expected, "{overlay}");
    assert!(container["resources"]["requests"]["cpu"].is_string(), "{overlay}");
    assert!(container["resources"]["requests"]["memory"].is_string(), "{overlay}");
    assert!(container["resources"]["limits"]["memory"].is_string(), "{overlay}");
    for port in container["ports"].as_array().into_iter().flatten() {
        assert_eq!(port.get("hostPort"), None, "{overlay}");
    }
}

#[test]
fn pods_have_no_token_of_the_cluster() {
    for (overlay, pod) in workloads() {
        assert_eq!(pod["automountServiceAccountToken"], false, "{overlay}");
        assert_eq!(pod["serviceAccountName"], "twenty-sync", "{overlay}");
    }
    let account = yaml(&path("deploy/kubernetes/base/serviceaccount.yaml"));
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[test]
fn the_namespace_refuses_pods_that_are_less_restricted() {
    let namespace = yaml(&path("deploy/kubernetes/base/namespace.yaml"));
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn secrets_are_files_and_never_variables() {
    for (overlay, pod) in workloads() {
        let container = &pod["containers"][0];
        let folder = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
        let variables = container["env"].as_array().unwrap();
        for variable in variables {
            assert_eq!(variable.get("valueFrom"), None, "{overlay}: {variable}");
        }
        for (name, file) in
            [("TWENTY_API_KEY_FILE", "api-key"), ("DATABASE_URL_FILE", "database-url")]
        {
            let expected = json!({"name": name, "value": format!("{folder}/{file}")});
            assert!(variables.contains(&expected), "{overlay}: {expected}");
        }
        assert_eq!(pod["volumes"][0]["secret"]["defaultMode"], 0o440, "{overlay}");
        assert_eq!(
            pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsGroup"],
            "{overlay}"
        );
    }
}

#[test]
fn the_two_that_make_pods_make_them_alike() {
    let pods: Vec<Value> = workloads()
        .map(|(_, mut pod)| {
            let of_its_own = pod.as_object_mut().unwrap();
            of_its_own.retain(|key, _| !["affinity", "restartPolicy"].contains(&key.as_str()));
            let container = pod["containers"][0].as_object_mut().unwrap();
            container.retain(|key, _| {
                !key.ends_with("Probe") && !["args", "env", "ports"].contains(&key.as_str())
            });
            pod
        })
        .collect();
    assert_eq!(pods[0], pods[1]);
    assert_eq!(pods.len(), 2);
}

#[test]
fn the_network_is_open_for_names_twenty_and_postgresql_only() {
    let policy = yaml(&path("deploy/kubernetes/base/networkpolicy.yaml"));
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(ports(&policy["spec"]["egress"]), BTreeSet::from([53, 443, 5432]));
    assert_eq!(ports(&policy["spec"]["ingress"]), BTreeSet::from([9464]));
    assert!(policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"].is_object());
}

fn ports(rules: &Value) -> BTreeSet<u64> {
    let rules = rules.as_array().unwrap().iter();
    rules
        .flat_map(|rule| rule["ports"].as_array().unwrap())
        .map(|port| port["port"].as_u64().unwrap())
        .collect()
}

#[test]
fn probes_and_metrics_use_the_port_that_the_program_listens_on() {
    let objects = render(&folder("single"));
    let container = &pods(of_kind(&objects, "Deployment")).unwrap()["containers"][0];
    let listens = json!({"name": "TWENTY_SYNC__HEALTH__LISTEN", "value": "0.0.0.0:9464"});
    assert!(container["env"].as_array().unwrap().contains(&listens));
    assert_eq!(container["ports"], json!([{"name": "metrics", "containerPort": 9464}]));
    for (probe, address) in
        [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": address, "port": "metrics"}),
            "{probe}"
        );
    }
    assert_eq!(of_kind(&objects, "Service")["spec"]["ports"][0]["targetPort"], "metrics");
    let monitor = yaml(&path("deploy/kubernetes/components/monitoring/servicemonitor.yaml"));
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        of_kind(&objects, "Service")["spec"]["ports"][0]["name"]
    );
}

#[test]
fn everything_selects_the_pods_by_the_label_they_have() {
    let objects = render(&folder("replicated"));
    let deployment = of_kind(&objects, "Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&of_kind(&objects, "Service")["spec"]["selector"], labels);
    assert_eq!(
        &of_kind(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        labels
    );
    let affinity = &deployment["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"];
    let apart = &affinity["requiredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(&apart["labelSelector"]["matchLabels"], labels);
    assert_eq!(&of_kind(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"], labels);
}

#[test]
fn two_daemons_are_never_of_two_versions() {
    for (overlay, replicas) in [("single", 1), ("replicated", 2)] {
        let objects = render(&folder(overlay));
        let deployment = &of_kind(&objects, "Deployment")["spec"];
        assert_eq!(deployment["replicas"], replicas, "{overlay}");
        assert_eq!(deployment["strategy"]["type"], "Recreate", "{overlay}");
    }
}

#[test]
fn a_node_with_one_of_two_daemons_can_be_drained() {
    let objects = render(&folder("replicated"));
    assert_eq!(of_kind(&objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], 1);
}

#[test]
fn a_cron_job_never_runs_beside_itself_nor_beside_a_daemon() {
    let objects = render(&folder("once"));
    let job = &of_kind(&objects, "CronJob")["spec"];
    assert_eq!(job["concurrencyPolicy"], "Forbid");
    assert_eq!(job["jobTemplate"]["spec"]["backoffLimit"], 0);
    assert_eq!(
        pods(of_kind(&objects, "CronJob")).unwrap()["containers"][0]["args"],
        json!(["--once"])
    );
    assert!(!objects.iter().any(|object| object["kind"] == "Deployment"));
}

#[test]
fn all_objects_but_the_namespace_stand_in_it() {
    for overlay in OVERLAYS {
        for object in render(&folder(overlay)) {
            let [_, kind, namespace, name] = identity(&object);
            let expected = if kind == "Namespace" { Value::Null } else { json!("twenty-sync") };
            assert_eq!(namespace, &expected, "{overlay}: {kind} {name}");
        }
    }
}
