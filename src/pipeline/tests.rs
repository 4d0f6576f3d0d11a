use super::*;
use crate::anytime::ScriptedModel;
use crate::clock::ScriptedClock;
use crate::message::Image;

/// The mask of a frame of 4 x 3 pixels, from a network with one pixel whose best class is 1.
fn mask_with(change: impl FnOnce(&mut Settings)) -> Mask {
    let clock = ScriptedClock::new();
    let model = ScriptedModel::new(clock.clone(), 2, 1, |_| Duration::from_millis(1));
    let mut settings = Settings::of(&Parameters::default(), Duration::from_millis(33));
    change(&mut settings);
    let spec = InputSpec { size: Size::new(1, 1), mean: [0.0; 3], std: [1.0; 3] };
    let compute = (Compute { cpus: 1, quota: None }, 1);
    let mut pipeline = Pipeline::new(Box::new(model), spec, Arc::new(clock.clone()), settings, compute).unwrap();
    let image = Image { height: 3, width: 4, encoding: "mono8".into(), step: 4, ..Image::default() };
    let bytes = message::to_vec(&Image { data: vec![9; 12].into(), ..image }).unwrap();
    let now = clock.now();
    let mut masks = Vec::new();
    let mut publish = |out: Published<'_>| masks.push(out.mask.clone());
    pipeline.run(ImageKind::Raw, &bytes, (now, now + Duration::from_millis(33)), &mut publish).unwrap();
    masks.pop().expect("a mask")
}

#[test]
fn a_mask_has_the_frames_size_or_the_networks() {
    let mask = mask_with(|_| ());
    assert_eq!((mask.size(), mask.classes()), (Size::new(4, 3), &[1; 12][..]));
    let mask = mask_with(|settings| settings.mask_size = MaskSize::Network);
    assert_eq!((mask.size(), mask.classes()), (Size::new(1, 1), &[1][..]));
}

#[test]
fn masks_hold_the_published_class_ids() {
    let mask = mask_with(|settings| settings.class_map = ClassMap::new(&[3, 7], 2).unwrap());
    assert_eq!(mask.classes(), [7; 12]);
}
