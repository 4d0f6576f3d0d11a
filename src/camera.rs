//! What is said about one mask: the messages that the live node publishes and that replay writes into a bag.
//!
//! Every message of a mask bears the header of its frame, untouched. Knows masks, frames and messages; knows nothing of topics, bags, ROS, or
//! of when something is published.

use std::borrow::Cow;

use crate::frame::{Frame, Header, Size};
use crate::mask::{ClassMap, Mask, rle_encode};
use crate::message::{self, CameraInfo, CompressedImage, Image, LabelInfo, MessageError, VisionClass};
use crate::render::{self, PngError};

/// A mono8 picture of `size` with one byte a pixel and no padding: the classes or the confidence of a mask.
pub fn plane<'a>(header: &Header, size: Size, data: &'a [u8]) -> Image<'a> {
    picture(header, size, "mono8", size.width, Cow::Borrowed(data))
}

/// The message of a mask in mono8, in the memory of the mask: only what comes before its data is written, by way of `head`, which is overwritten.
///
/// # Errors
/// A message longer than CDR can say.
pub fn mask_message<'a>(header: &Header, mask: &'a mut Mask, head: &mut Vec<u8>) -> Result<&'a [u8], MessageError> {
    message::encode_head(&plane(header, mask.size(), &[]), mask.classes().len(), head)?;
    Ok(mask.behind(head))
}

/// A mask as run lengths in `runs`, which is overwritten.
///
/// The message around them is that of Autoware's tensorrt_yolox: size, step and encoding are those of the mono8 mask, only the data
/// is shorter. See [`rle_encode`] for the layout.
pub fn rle_image<'a>(header: &Header, size: Size, classes: &[u8], runs: &'a mut Vec<u8>) -> Image<'a> {
    rle_encode(classes, runs);
    plane(header, size, runs)
}

/// A mask as a PNG file in `file`, which is overwritten. The format is spelled as image_transport's `compressed` spells it, which reads it back.
pub fn compressed<'a>(
    header: &Header,
    size: Size,
    classes: &[u8],
    file: &'a mut Vec<u8>,
) -> Result<CompressedImage<'a>, PngError> {
    render::png_gray(size, classes, file)?;
    let format = "mono8; png compressed ".to_owned();
    Ok(CompressedImage { header: header.clone(), format, data: Cow::Borrowed(file) })
}

/// The frame in rgb8 with the mask's colours over it, at the frame's size.
///
/// `alpha` 0 leaves the frame, 1 leaves the colours; `colors` are those of the mask's class ids from 0, see [`ClassMap::colors`]. A mask of another size is stretched.
pub fn overlay_image(frame: &Frame<'_>, mask: &Mask, colors: &[[u8; 3]], alpha: f32) -> Image<'static> {
    let size = frame.size();
    let mask = match mask.size() == size {
        true => Cow::Borrowed(mask),
        false => Cow::Owned(render::stretched(mask, size)),
    };
    let rgb = render::overlay(&render::to_rgb(frame), &mask, colors, alpha);
    picture(frame.header(), size, "rgb8", 3 * size.width, Cow::Owned(rgb))
}

fn picture<'a>(header: &Header, size: Size, encoding: &str, step: u32, data: Cow<'a, [u8]>) -> Image<'a> {
    Image {
        header: header.clone(),
        height: size.height,
        width: size.width,
        encoding: encoding.to_owned(),
        is_bigendian: 0,
        step,
        data,
    }
}

/// What the numbers in a mask mean. `names` are those of the model's classes from 0, `map` says under which ids they are published.
pub fn label_info(header: &Header, names: &[String], map: &ClassMap) -> LabelInfo {
    let class = |(id, class_name)| VisionClass { class_id: u16::from(id), class_name };
    let class_map = map.labels(names).into_iter().map(class).collect();
    LabelInfo { header: header.clone(), class_map, threshold: 0.0 }
}

/// The calibration of a mask of `size`, from that of the camera.
///
/// Scales what image_proc's `resize.cpp` scales, by width k[0, 2], p[0, 2, 3], by height k[4, 5], p[5, 6], and the region of interest. It
/// departs from it in three ways. The scale is taken from the picture that the sensor shows, the region of interest after binning,
/// because the camera's calibration speaks of the full sensor: where the mask is of that size nothing changes. width and height stay those of the
/// full sensor, scaled. And whole pixels are rounded, where `resize.cpp` cuts them off.
pub fn info_of(info: &CameraInfo, header: &Header, size: Size) -> CameraInfo {
    let mut scaled = CameraInfo { header: header.clone(), ..info.clone() };
    let side = |roi: u32, full: u32, binning: u32| if roi == 0 { full } else { roi } / binning.max(1);
    let shown =
        Size::new(side(info.roi.width, info.width, info.binning_x), side(info.roi.height, info.height, info.binning_y));
    if shown.pixels() == 0 || shown == size {
        return scaled;
    }
    let x = f64::from(size.width) / f64::from(shown.width);
    let y = f64::from(size.height) / f64::from(shown.height);
    for (index, factor) in [(0, x), (2, x), (4, y), (5, y)] {
        scaled.k[index] *= factor;
    }
    for (index, factor) in [(0, x), (2, x), (3, x), (5, y), (6, y)] {
        scaled.p[index] *= factor;
    }
    let scale = |pixels: u32, factor: f64| (f64::from(pixels) * factor).round() as u32;
    scaled.roi.x_offset = scale(info.roi.x_offset, x);
    scaled.roi.width = scale(info.roi.width, x);
    scaled.roi.y_offset = scale(info.roi.y_offset, y);
    scaled.roi.height = scale(info.roi.height, y);
    (scaled.width, scaled.height) = (scale(info.width, x), scale(info.height, y));
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Encoding, Stamp};
    use crate::mask::rle_decode;

    fn header() -> Header {
        Header { stamp: Stamp { sec: 7, nanosec: 8 }, frame_id: "lens".into() }
    }

    #[test]
    fn the_calibration_scales_with_the_picture() {
        let mut info = CameraInfo { width: 960, height: 720, ..CameraInfo::default() };
        info.k = [800.0, 0.0, 480.0, 0.0, 802.0, 360.0, 0.0, 0.0, 1.0];
        info.p = [800.0, 0.0, 480.0, -40.0, 0.0, 802.0, 360.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let half = info_of(&info, &Header::default(), Size::new(480, 360));
        assert_eq!(half.k, [400.0, 0.0, 240.0, 0.0, 401.0, 180.0, 0.0, 0.0, 1.0]);
        assert_eq!(half.p, [400.0, 0.0, 240.0, -20.0, 0.0, 401.0, 180.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!((half.width, half.height), (480, 360));
    }

    #[test]
    fn what_binning_and_region_already_say_is_not_scaled_again() {
        let mut info = CameraInfo { width: 960, height: 720, binning_x: 2, binning_y: 2, ..CameraInfo::default() };
        info.k[0] = 800.0;
        assert_eq!(info_of(&info, &Header::default(), Size::new(480, 360)), info);
        (info.binning_x, info.binning_y) = (0, 0);
        (info.roi.width, info.roi.height) = (480, 360);
        assert_eq!(info_of(&info, &Header::default(), Size::new(480, 360)), info);
    }

    #[test]
    fn an_uncalibrated_camera_stays_so() {
        let info = CameraInfo::default();
        assert_eq!(info_of(&info, &Header::default(), Size::new(4, 4)).k, [0.0; 9]);
    }

    #[test]
    fn a_masks_message_is_the_one_that_is_encoded_whole() {
        let mut mask = Mask::unlabelled(Size::new(3, 2));
        mask.classes_mut().copy_from_slice(&[5, 4, 3, 2, 1, 0]);
        for frame_id in ["", "lens", "a_name_that_fills_words", &"x".repeat(1000)] {
            let header = Header { frame_id: frame_id.into(), ..header() };
            let whole = message::to_vec(&plane(&header, mask.size(), mask.classes())).unwrap();
            assert_eq!(mask_message(&header, &mut mask, &mut vec![9; 3]).unwrap(), whole);
        }
    }

    #[test]
    fn run_lengths_travel_in_the_message_of_the_mask() {
        let classes = [4, 4, 4, 4, 1, 255];
        let mut runs = Vec::new();
        let image = rle_image(&header(), Size::new(3, 2), &classes, &mut runs);
        assert_eq!((image.encoding.as_str(), image.step, image.height), ("mono8", 3, 2));
        assert_eq!(image.header, header());
        assert_eq!(rle_decode(&image.data, 6).unwrap(), classes);
    }

    #[test]
    fn a_compressed_mask_is_a_frame_that_this_crate_reads() {
        let mut file = Vec::new();
        let message = compressed(&header(), Size::new(3, 2), &[0, 1, 2, 3, 4, 255], &mut file).unwrap();
        assert_eq!(message.format.split(';').next(), Some("mono8"));
        let frame = crate::decode::compressed(message.header, &message.format, &message.data).unwrap();
        assert_eq!((frame.header(), frame.size()), (&header(), Size::new(3, 2)));
        assert_eq!((frame.encoding(), frame.data()), (Encoding::Mono8, &[0, 1, 2, 3, 4, 255][..]));
    }

    #[test]
    fn an_overlay_has_the_frames_size_whatever_the_masks_is() {
        let frame = Frame::packed(header(), Size::new(4, 2), Encoding::Rgb8, vec![100; 24]).unwrap();
        let mut mask = Mask::unlabelled(Size::new(2, 1));
        mask.classes_mut()[1] = 0;
        let image = overlay_image(&frame, &mask, &[[200; 3]], 0.5);
        assert_eq!((image.width, image.height, image.step, image.encoding.as_str()), (4, 2, 12, "rgb8"));
        assert_eq!(image.header, header());
        let row = [[100; 6], [150; 6]].concat();
        assert_eq!(image.data[..], [row.clone(), row].concat());
    }

    #[test]
    fn labels_are_told_under_their_published_ids() {
        let names = ["road", "car", "bus"].map(String::from);
        let info = label_info(&header(), &names, &ClassMap::new(&[5, 1, 1], 3).unwrap());
        let told: Vec<_> = info.class_map.iter().map(|class| (class.class_id, class.class_name.as_str())).collect();
        assert_eq!(told, [(1, "car/bus"), (5, "road")]);
        assert_eq!(info.header, header());
    }
}
