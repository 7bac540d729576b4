//! Puts the figures of several workspaces into one answer.
//!
//! It exists because the format wants each family once, with the samples of all workspaces below it, and the metrics crate
//! writes one registry at a time. Invariant: no sample is changed or lost.

/// The families of all `texts`, each described once.
pub(super) fn together(texts: &[String]) -> String {
    let mut families: Vec<Family<'_>> = Vec::new();
    for text in texts {
        let mut place = 0;
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(name) = described(line) {
                place =
                    families.iter().position(|family| family.name == name).unwrap_or_else(|| {
                        families.push(Family { name, ..Family::default() });
                        families.len() - 1
                    });
            }
            families[place].take(line);
        }
    }
    let lines = families.iter().flat_map(|family| family.head.iter().chain(&family.samples));
    lines.chain(&["# EOF"]).fold(String::new(), |text, line| text + line + "\n")
}

#[derive(Debug, Default)]
struct Family<'a> {
    name: &'a str,
    head: Vec<&'a str>,
    samples: Vec<&'a str>,
}

impl<'a> Family<'a> {
    fn take(&mut self, line: &'a str) {
        if !line.starts_with('#') {
            self.samples.push(line);
        } else if !self.head.contains(&line) {
            self.head.push(line);
        }
    }
}

/// The name of the family that begins here.
fn described(line: &str) -> Option<&str> {
    line.strip_prefix("# HELP ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::together;

    fn text(lines: &[&str]) -> String {
        lines.iter().chain(&["# EOF"]).fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn each_family_is_described_once_above_the_samples_of_all() {
        let of = |name: &str, more: &[&str]| {
            let rows = format!("rows{{workspace=\"{name}\"}} 1");
            text(&[&["# HELP rows Rows.", "# TYPE rows gauge", rows.as_str()], more].concat())
        };
        let lag = ["# HELP lag Lag.", "# TYPE lag gauge", "lag 2"];
        let told = together(&[of("acme", &[]), of("beta", &lag)]);
        let rows = ["rows{workspace=\"acme\"} 1", "rows{workspace=\"beta\"} 1"];
        let head = ["# HELP rows Rows.", "# TYPE rows gauge"];
        assert_eq!(told, text(&[&head[..], &rows, &lag].concat()));
    }

    #[test]
    fn one_text_stays_as_it_is() {
        let only = text(&["# HELP rows Rows.", "# TYPE rows gauge", "rows 1"]);
        assert_eq!(together(std::slice::from_ref(&only)), only);
        assert_eq!(together(&[]), "# EOF\n");
    }
}
