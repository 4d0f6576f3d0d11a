//! The shipped bundles, and the demo on the rendered street.

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
    let published = place.report("out/demo/masks")["totals"]["published"].as_u64().expect("a count");
    assert_eq!(masks(&place.path("out/demo/masks"), "/itnet/mask").len() as u64, published);
    assert_eq!(place.report("out/demo/masks")["totals"]["received"], 30);
    assert_eq!(messages(&place.path("out/demo/street"), "/camera/labels").len(), 30);
}

#[test]
fn both_shipped_bundles_have_a_card_and_a_measured_score_for_every_exit() {
    for name in ["itnet-s", "itnet-m"] {
        is_whole(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name));
    }
}

fn is_whole(folder: &Path) {
    let bundle = itnet::model::Bundle::load(folder).expect("loads");
    let manifest = bundle.manifest();
    assert!(!manifest.accuracy.is_empty());
    for accuracy in &manifest.accuracy {
        assert!(
            accuracy.frames > 0 && (accuracy.warm || accuracy.exits.len() >= manifest.iterations.useful),
            "{}",
            accuracy.set
        );
        for exit in &accuracy.exits {
            let mean = exit.iou.iter().sum::<f64>() / manifest.classes.len() as f64;
            // The manifest keeps four decimals.
            assert!((mean - exit.miou).abs() < 2e-4, "{}: the mean is over all classes", accuracy.set);
        }
    }
    let card = std::fs::read_to_string(folder.join("README.md")).expect("a model card");
    assert!(card.contains("CamVid") && card.contains("CC BY-NC"));
}
