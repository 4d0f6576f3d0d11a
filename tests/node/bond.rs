//! The bond with a lifecycle manager.

use itnet::message::BondStatus;

use super::*;

impl Bench {
    fn statuses(&self) -> Vec<BondStatus> {
        self.edge.sent("/bond").iter().map(|bytes| message::decode(bytes).expect("decodes")).collect()
    }
}

#[test]
fn an_active_node_says_four_times_a_second_that_it_lives() {
    let mut bench = Bench::new(&[], &[]);
    let start = bench.clock.now();
    bench.node.start(&mut bench.edge);
    bench.messages("/bond", 5);
    let (statuses, took) = (bench.statuses(), bench.clock.now().since(start));
    assert!(statuses.len() as u128 <= 1 + took.as_millis() / 250, "{} in {took:?}", statuses.len());
    assert!(statuses.iter().all(|status| status.active && status.id == "itnet" && !status.instance_id.is_empty()));
    assert!(statuses.iter().all(|status| status.instance_id == statuses[0].instance_id));
    assert_eq!((statuses[0].heartbeat_period, statuses[0].heartbeat_timeout), (0.25, 4.0));
}

#[test]
fn a_node_that_is_not_active_says_so_once_and_bonds_anew_when_it_is_again() {
    let mut bench = Bench::new(&[("autostart", Value::Bool(false))], &[]);
    bench.node.start(&mut bench.edge);
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.statuses(), []);
    assert_eq!(bench.change(Request::ACTIVATE), Some(true));
    let first = bench.statuses().pop().expect("said before the answer");
    assert!(first.active);
    assert_eq!(bench.change(Request::DEACTIVATE), Some(true));
    let last = bench.statuses().pop().expect("said");
    assert!(!last.active && last.instance_id == first.instance_id);
    let said = bench.statuses().len();
    assert_eq!(bench.change(Request::CLEANUP), Some(true));
    assert_eq!(bench.statuses().len(), said);
    assert_eq!(bench.change(Request::CONFIGURE), Some(true));
    assert_eq!(bench.change(Request::ACTIVATE), Some(true));
    let again = bench.statuses().pop().expect("said");
    assert!(again.active && again.instance_id != first.instance_id);
    bench.node.shut_down(&mut bench.edge);
    assert!(!bench.statuses().pop().expect("said").active);
}

#[test]
fn the_bond_is_in_the_namespace_of_the_node_and_nothing_is_sent_where_no_manager_listens() {
    let mut bench = Bench::active(&[], &["--ros-args", "-r", "__ns:=/robot"]);
    assert!(bench.edge.is_advertised("/robot/bond"));
    let said = bench.edge.sent("/robot/bond").len();
    bench.edge.unsubscribe_all();
    bench.edge.watch("/diagnostics");
    bench.messages("/diagnostics", 2);
    assert_eq!(bench.edge.sent("/robot/bond").len(), said);
}
