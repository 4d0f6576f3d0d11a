//! Frames that start from the state of the one before.

use super::*;

/// `h` becomes `2 h + j` in the first step and `h / 4 + j` from the second on, with which warm frames begin.
fn offering() -> Bundle {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = manifest(WIDTH, HEIGHT, 3, 3);
    manifest["warm_start"] = json!({"from_step": 2, "useful": 2, "keep": 1.0});
    let steps = [("step_1.onnx", step_graph(WIDTH, HEIGHT, 2.0)), ("step_2.onnx", step_graph(WIDTH, HEIGHT, 0.25))];
    let exits = [("exit.onnx", exit_graph(WIDTH, HEIGHT, 3))];
    write_bundle(dir.path(), manifest, ("data.onnx", data_graph(WIDTH, HEIGHT)), &steps, &exits);
    Bundle::load(dir.path()).unwrap()
}

/// Runs a frame of one grey value, from `state` where there is one; gives the first logit after each iteration.
fn frame(session: &mut Session, grey: f32, state: Option<State>, iterations: usize) -> Vec<f32> {
    session.input().whole().unwrap().fill(grey);
    if let Some(state) = state {
        session.resume(state).unwrap();
    }
    session.data(&mut go).unwrap();
    let mut iteration = |iteration| {
        session.step(iteration, &mut go).unwrap();
        exit(session, iteration)[0]
    };
    (1..=iterations).map(&mut iteration).collect()
}

#[test]
fn a_warm_frame_goes_on_from_the_state_with_the_steps_that_the_manifest_names() {
    let bundle = offering();
    let mut session = bundle.session(1).unwrap();
    assert_eq!(frame(&mut session, 1.0, None, 2), [2.0, 1.5]);
    let state = session.state().unwrap();
    assert_eq!(state.bytes(), 3 * 20 * 4);
    assert_eq!(bundle.state_bytes(), state.bytes());
    assert_eq!(frame(&mut session, 0.5, Some(state), 2), [0.25 * 1.5 + 0.5, 0.25 * 0.875 + 0.5]);
    assert_eq!(frame(&mut session, 0.5, None, 2), [1.0, 0.75], "the frame after it is cold again");
}

#[test]
fn a_state_outlives_the_frames_of_other_cameras() {
    let bundle = offering();
    let mut session = bundle.session(1).unwrap();
    let mut kept = Vec::new();
    for camera in 0..4 {
        frame(&mut session, camera as f32 / 4.0, None, 1);
        kept.push(session.state());
    }
    for round in 0..3 {
        for (camera, kept) in kept.iter_mut().enumerate() {
            let grey = camera as f32 / 4.0;
            let before = (0..round).fold(2.0 * grey, |h, _| 0.25 * h + grey);
            assert_eq!(frame(&mut session, grey, kept.take(), 1), [0.25 * before + grey]);
            *kept = session.state();
        }
    }
}

#[test]
fn the_state_is_that_of_the_last_finished_step() {
    let mut session = offering().session(1).unwrap();
    assert!(session.state().is_none(), "no frame yet");
    session.data(&mut go).unwrap();
    assert!(session.state().is_none(), "no step yet");
    frame(&mut session, 1.0, None, 1);
    assert_eq!(session.step(2, &mut || false).unwrap(), Progress::Abandoned);
    let state = session.state().unwrap();
    assert_eq!(frame(&mut session, 0.0, Some(state), 1), [0.5]);
}

#[test]
fn a_state_is_resumed_by_the_next_data_alone_whatever_becomes_of_it() {
    let mut session = offering().session(1).unwrap();
    frame(&mut session, 1.0, None, 1);
    let state = session.state().unwrap();
    session.resume(state).unwrap();
    assert_eq!(session.data(&mut || false).unwrap(), Progress::Abandoned);
    assert_eq!(frame(&mut session, 0.0, None, 1), [0.0]);
}

#[test]
fn a_state_of_another_model_and_a_bundle_that_offers_no_warm_start_are_refused() {
    let mut session = offering().session(1).unwrap();
    let mut other = offering().session(1).unwrap();
    frame(&mut session, 1.0, None, 1);
    let state = session.state().unwrap();
    assert!(other.resume(state).unwrap_err().to_string().contains("another model"));
    assert!(other.resume(State::new(1usize, 8)).unwrap_err().to_string().contains("another model"));
    assert_eq!(frame(&mut other, 0.5, None, 1), [1.0]);

    let (_dir, plain) = tiny();
    let mut plain = plain.session(1).unwrap();
    assert_eq!(plain.warm_start(), None);
    plain.data(&mut go).unwrap();
    plain.step(1, &mut go).unwrap();
    assert!(plain.state().is_none());
    let state = session.state().unwrap();
    assert!(plain.resume(state).unwrap_err().to_string().contains("warm_start"));
}
