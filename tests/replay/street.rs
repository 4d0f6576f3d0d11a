//! The shipped bundle on the rendered street.

use super::*;

#[test]
fn the_demo_leaves_bags_a_report_and_a_picture() {
    let place = Place::new();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/itnet-s");
    let model = model.to_str().expect("a path in UTF-8");
    let ran = place.run(&["demo", "--seconds", "2", "--model", model, "--budget-ms", "5000"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("mIoU"), "{}", ran.out);
    let sheet = image::open(place.path("out/demo/contact_sheet.png")).expect("a picture");
    assert!(sheet.width() > 1000 && sheet.height() > 800);
    assert_eq!(masks(&place.path("out/demo/masks"), "/itnet/mask").len(), 30);
    assert_eq!(place.report("out/demo/masks")["totals"]["received"], 30);
    assert_eq!(messages(&place.path("out/demo/street"), "/camera/labels").len(), 30);
}
