use super::*;

const SIZE: (usize, usize) = (240, 180);

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn brightness(p: &Picture) -> f64 {
    p.rgb.iter().map(|&b| f64::from(b)).sum::<f64>() / p.rgb.len() as f64
}

#[test]
fn the_same_seed_and_time_give_the_same_picture() {
    let one = Scene::new(7, Light::Day).render(at(1.25), SIZE);
    let two = Scene::new(7, Light::Day).render(at(1.25), SIZE);
    assert_eq!(one, two);
}

#[test]
fn another_seed_or_another_time_gives_another_picture() {
    let scene = Scene::new(7, Light::Day);
    let one = scene.render(at(1.0), SIZE);
    assert_ne!(one, scene.render(at(1.1), SIZE));
    assert_ne!(one, Scene::new(8, Light::Day).render(at(1.0), SIZE));
}

#[test]
fn every_class_appears_within_four_seconds_of_every_drive() {
    for seed in 0..12 {
        let light = if seed % 3 == 0 { Light::Dusk } else { Light::Day };
        let scene = Scene::new(seed, light);
        let mut count = [0usize; 12];
        for k in 0..5 {
            for l in scene.render(at(f64::from(k)), SIZE).labels {
                count[usize::from(l)] += 1;
            }
        }
        for (class, n) in count[..11].iter().enumerate() {
            assert!(*n >= 20, "class {class} has {n} pixels in seed {seed}");
        }
    }
}

#[test]
fn a_picture_has_three_bytes_and_one_valid_label_a_pixel() {
    let p = Scene::new(3, Light::Dusk).render(at(2.0), SIZE);
    assert_eq!((p.width, p.height), SIZE);
    assert_eq!(p.rgb.len(), SIZE.0 * SIZE.1 * 3);
    assert_eq!(p.labels.len(), SIZE.0 * SIZE.1);
    assert!(p.labels.iter().all(|&l| l <= class::VOID));
}

#[test]
fn dusk_is_darker_than_day() {
    for seed in 0..4 {
        let day = Scene::new(seed, Light::Day).render(at(0.5), SIZE);
        let dusk = Scene::new(seed, Light::Dusk).render(at(0.5), SIZE);
        assert!(brightness(&dusk) < 0.7 * brightness(&day), "seed {seed}");
    }
}

#[test]
fn light_does_not_move_anything() {
    let day = Scene::new(5, Light::Day).render(at(3.0), SIZE);
    let dusk = Scene::new(5, Light::Dusk).render(at(3.0), SIZE);
    assert_eq!(day.labels, dusk.labels);
}

#[test]
fn odd_sizes_and_late_times_are_drawn_as_well() {
    let scene = Scene::new(11, Light::Day);
    for size in [(0, 0), (0, 5), (1, 1), (17, 5), (3, 41), (64, 1)] {
        let p = scene.render(at(0.0), size);
        assert_eq!(p.labels.len(), size.0 * size.1);
        assert_eq!(p.rgb.len(), size.0 * size.1 * 3);
    }
    let late = scene.render(Duration::from_secs(1_000_000), (32, 24));
    assert_eq!(late.labels.len(), 32 * 24);
}

#[test]
fn sky_is_above_and_road_below() {
    let p = Scene::new(2, Light::Day).render(at(1.0), SIZE);
    let share = |rows: std::ops::Range<usize>, class: u8| {
        let part = &p.labels[rows.start * SIZE.0..rows.end * SIZE.0];
        part.iter().filter(|&&l| l == class).count() as f64 / part.len() as f64
    };
    assert_eq!(share(0..40, class::ROAD), 0.0);
    assert_eq!(share(120..180, class::SKY), 0.0);
    assert!(share(140..165, class::ROAD) > 0.4);
}
