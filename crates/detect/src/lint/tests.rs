//! Remarks on a file in which much is wrong.

use super::*;
use expect_test::expect_file;

/// 2027-01-25T00:00:00Z.
const NOW: UnixMicros = UnixMicros(1_800_835_200_000_000);
const RULES: &str = "\
title: t
status: deprecated
date: 2020/01/01
logsource: {product: vehicle}
detection:
    s:
        spead_kmh|gt: 0
        sensor|fieldref: vehicel
        gear|contains|all: park
        bus: [1, null]
    unused: {bus: 1}
    timeframe: 1m
    condition: s
---
title: f
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e11
description: d
logsource: {product: vehicle}
filter: {rules: any, s: {bus: 1}, condition: s}
---
title: over
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e12
description: d
logsource: {product: vehicle}
filter: {rules: any, s: {bus: 1}, condition: not s}
yagura: {reason: r, expires: 2027-01-24, owner: soc@example}
---
title: soon
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e13
description: d
logsource: {product: vehicle}
filter: {rules: any, s: {bus: 1}, condition: not s}
yagura: {reason: r, expires: 2027-01-31, owner: Vehicle SOC}
---
title: forever
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e14
description: d
logsource: {product: vehicle}
filter: {rules: any, s: {bus: 1}, condition: not s}
yagura: {reason: r}
---
action: global
---
title: [
";

#[test]
fn remarks_name_the_place_and_the_next_step() {
    let (good, _) = RULES.rsplit_once("---").unwrap_or_default();
    let file = RuleFile { path: "r.yml".to_owned(), text: good.to_owned() };
    let shown: Vec<_> = lint(&[file], &Surroundings::default(), NOW).iter().map(|remark| remark.shown(good)).collect();
    expect_file!["remarks.txt"].assert_eq(&shown.join("\n"));
    let broken = RuleFile { path: "r.yml".to_owned(), text: RULES.to_owned() };
    assert!(lint(&[broken], &Surroundings::default(), NOW).iter().all(|remark| remark.is_error));
}
