//! A private server: whose it is, who runs it, and that nothing of it is left.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use sqlx::{Connection, PgConnection};
use test_postgres::{TestCluster, TestDatabase};

async fn data_folder(cluster: &TestCluster) -> PathBuf {
    let mut connection =
        PgConnection::connect(cluster.url()).await.expect("a started cluster answers");
    let shown =
        sqlx::query_scalar::<_, String>("show data_directory").fetch_one(&mut connection).await;
    PathBuf::from(shown.expect("a superuser may see the folder"))
}

async fn kept_rows(database: &TestDatabase) -> i64 {
    let count =
        sqlx::query_scalar("select count(*) from kept").fetch_one(&database.pool().await).await;
    count.expect("the table was kept")
}

fn is_listening(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn a_dropped_cluster_leaves_no_server_and_no_folder() {
    let Some(cluster) = TestCluster::start_if_installed().await else { return };
    let (port, folder) = (cluster.port(), data_folder(&cluster).await);
    assert!(is_listening(port) && folder.exists());
    drop(cluster);
    assert!(!is_listening(port));
    assert!(!folder.parent().unwrap().exists());
}

#[tokio::test]
async fn a_cluster_never_runs_as_root() {
    let Some(cluster) = TestCluster::start_if_installed().await else { return };
    let owner = fs::metadata(data_folder(&cluster).await).unwrap().uid();
    assert_ne!(owner, 0);
}

#[tokio::test]
async fn a_cluster_lets_nobody_in_without_its_password() {
    let Some(cluster) = TestCluster::start_if_installed().await else { return };
    let stranger = format!("postgres://postgres:guess@127.0.0.1:{}/postgres", cluster.port());
    let refused = PgConnection::connect(&stranger).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("28P01"));
}

#[tokio::test]
async fn a_stopped_cluster_resumes_on_its_port_with_its_data() {
    let Some(mut cluster) = TestCluster::start_if_installed().await else { return };
    let database = cluster.database().await;
    sqlx::query("create table kept as select 1 as id")
        .execute(&database.pool().await)
        .await
        .unwrap();
    cluster.stop().await;
    assert!(!is_listening(cluster.port()));
    cluster.resume().await;
    assert_eq!(kept_rows(&database).await, 1);
}

#[tokio::test]
async fn a_crashed_cluster_recovers_what_was_committed() {
    let Some(mut cluster) = TestCluster::start_if_installed().await else { return };
    let database = cluster.database().await;
    sqlx::query("create table kept as select 1 as id")
        .execute(&database.pool().await)
        .await
        .unwrap();
    cluster.crash().await;
    assert!(!is_listening(cluster.port()));
    cluster.resume().await;
    assert_eq!(kept_rows(&database).await, 1);
}

#[tokio::test]
async fn two_clusters_run_side_by_side() {
    let Some(one) = TestCluster::start_if_installed().await else { return };
    let other = TestCluster::start().await;
    assert_ne!(data_folder(&one).await, data_folder(&other).await);
}
