//! Draws a person: head and shoulders in a few soft colours, always the same for the same person.

#![allow(clippy::unreadable_literal)] // colours as everybody writes them

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::directory::Person;

type Colour = [f32; 3];

// Backgrounds as pairs, from the upper left to the lower right.
const BACKGROUNDS: &[(u32, u32)] = &[
    (0xdfe9f3, 0xb8cde4),
    (0xf6e3d4, 0xeac3a8),
    (0xdcefe3, 0xa9d3bb),
    (0xece3f4, 0xc7b2de),
    (0xfaf0cf, 0xecd594),
    (0xf7dde2, 0xe6aebb),
    (0xd8eef0, 0x9fd0d5),
    (0xe9e6df, 0xc6bfb0),
];
const SKINS: &[u32] = &[
    0xf6d7c3, 0xeec1a2, 0xd9a07a, 0xc58a63, 0xa06a48, 0x7d4e33, 0x5d3826, 0xe8b796,
];
const HAIRS: &[u32] = &[
    0x2b211d, 0x3d2b23, 0x5a3b28, 0x7a4f30, 0xa8743f, 0xcfa35c, 0x8d8a88, 0x1d1b22, 0x93402a,
];
// Which of the skins are dark, and the hair that goes with them.
const DARK: std::ops::Range<usize> = 4..7;
const DARK_HAIRS: &[u32] = &[0x221a18, 0x1d1b22, 0x8d8a88, 0x2b1d16];
const CLOTHES: &[u32] = &[
    0x2f4b6e, 0x3f6f66, 0x7b3f52, 0x55508a, 0x8a5a3b, 0x34404d, 0x5b7f4b, 0xa2574a, 0x466b93,
];

/// The portrait as a square JPEG.
pub fn jpeg(person: &Person, size: u16) -> Vec<u8> {
    let face = Face::of(person);
    let step = 1.0 / f32::from(size);
    let mut pixels = Vec::with_capacity(usize::from(size) * usize::from(size) * 3);
    for row in 0..size {
        for column in 0..size {
            let (x, y) = (
                (f32::from(column) + 0.5) * step,
                (f32::from(row) + 0.5) * step,
            );
            pixels.extend(face.at(x, y, step).map(byte));
        }
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    // Cannot fail: a vector takes everything and the sizes agree.
    let _ = encoder.encode(&pixels, size, size, ColorType::Rgb);
    file
}

/// What a portrait is made of. Lengths are parts of the picture's side.
struct Face {
    background: (Colour, Colour),
    skin: Colour,
    shade: Colour,
    hair: Colour,
    clothes: Colour,
    collar: Colour,
    style: u64,
    /// Half of the head's width and height.
    head: (f32, f32),
    lean: f32,
    glasses: bool,
}

impl Face {
    fn of(person: &Person) -> Self {
        let choose = |what, colours: &[u32]| colour(colours[pick(person, what, colours.len())]);
        let (from, to) = BACKGROUNDS[pick(person, "background", BACKGROUNDS.len())];
        let tone = pick(person, "skin", SKINS.len());
        let skin = colour(SKINS[tone]);
        // Brown hair around a brown face leaves no face to see at 48 pixels.
        let hairs = if DARK.contains(&tone) {
            DARK_HAIRS
        } else {
            HAIRS
        };
        let clothes = choose("clothes", CLOTHES);
        Self {
            background: (colour(from), colour(to)),
            skin,
            shade: skin.map(|part| part * 0.88),
            hair: choose("hair", hairs),
            clothes,
            collar: clothes.map(|part| (part + 0.3).min(0.97)),
            style: person.random("style") % 5,
            head: (
                0.150 + 0.018 * part(person, "width"),
                0.190 + 0.016 * part(person, "height"),
            ),
            lean: 0.02 * (part(person, "lean") - 0.5),
            glasses: person.random("glasses").is_multiple_of(5),
        }
    }

    /// The colour of a point; `step` is the size of a pixel.
    fn at(&self, x: f32, y: f32, step: f32) -> Colour {
        let (width, height) = self.head;
        let (cx, cy) = (0.5 + self.lean, 0.43);
        let mix = (x * 0.45 + y * 0.55).clamp(0.0, 1.0);
        let mut colour = blend(self.background.0, self.background.1, mix);
        let mut lay = |distance: f32, over: Colour| {
            colour = blend(colour, over, (0.5 - distance / step).clamp(0.0, 1.0));
        };
        let head = ellipse(x - cx, y - cy, width, height);
        // Hair behind the head: long, in a bun, or round.
        match self.style {
            0 => lay(
                rounded(x - cx, y - cy - 0.07, width + 0.055, height + 0.07, 0.19),
                self.hair,
            ),
            1 => lay(
                ellipse(x - cx, y - cy + height + 0.03, 0.075, 0.07),
                self.hair,
            ),
            2 => lay(
                ellipse(x - cx, y - cy + 0.03, width + 0.06, height + 0.035),
                self.hair,
            ),
            _ => {}
        }
        // Shoulders, neck and collar.
        lay(ellipse(x - 0.5, y - 1.06, 0.40, 0.36), self.clothes);
        lay(ellipse(x - 0.5, y - 0.73, 0.115, 0.075), self.collar);
        lay(
            rounded(x - cx, y - cy - 0.20, 0.068, 0.13, 0.06),
            self.shade,
        );
        // Ears and head.
        lay(
            ellipse(x - cx - width, y - cy - 0.015, 0.026, 0.042),
            self.shade,
        );
        lay(
            ellipse(x - cx + width, y - cy - 0.015, 0.026, 0.042),
            self.shade,
        );
        lay(head, self.skin);
        // Hair on the head: what lies above a line, in the shape of the head and a little more.
        let cap = ellipse(x - cx, y - cy + 0.012, width + 0.014, height + 0.016);
        let line = match self.style {
            0 => y - cy + height * 0.42 + (x - cx) * 0.35,
            1 => y - cy + height * 0.45 + (x - cx).abs() * -0.5,
            2 => y - cy + height * 0.38 + ((x - cx) * 40.0).sin() * 0.006,
            3 => y - cy + height * 0.50 - (x - cx) * 0.45,
            _ => y - cy + height * 0.46,
        };
        lay(cap.max(line), self.hair);
        // Eyes, brows and mouth, as little as it takes.
        let dark = self.shade.map(|part| part * 0.35);
        for side in [-1.0, 1.0] {
            let ex = x - cx - side * width * 0.42;
            lay(ellipse(ex, y - cy - 0.012, 0.0135, 0.016), dark);
            lay(
                rounded(ex, y - cy + 0.034, 0.028, 0.0055, 0.005),
                self.hair.map(|part| part * 0.8),
            );
            if self.glasses {
                let rim = ellipse(ex, y - cy - 0.012, 0.045, 0.040);
                lay(rim.abs() - 0.0045, [0.16, 0.16, 0.19]);
            }
        }
        let smile = ellipse(x - cx, y - cy - 0.075, 0.052, 0.036).abs() - 0.006;
        lay(smile.max(cy + 0.088 - y), dark);
        colour
    }
}

fn pick(person: &Person, what: &str, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(1);
    usize::try_from(person.random(what) % count).unwrap_or(0)
}

/// A part of one that depends on the person.
fn part(person: &Person, what: &str) -> f32 {
    let thousandths = u16::try_from(person.random(what) % 1000).unwrap_or(0);
    f32::from(thousandths) / 1000.0
}

fn colour(rgb: u32) -> Colour {
    let [_, red, green, blue] = rgb.to_be_bytes();
    [red, green, blue].map(|part| f32::from(part) / 255.0)
}

fn blend(under: Colour, over: Colour, cover: f32) -> Colour {
    std::array::from_fn(|part| under[part] + (over[part] - under[part]) * cover)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to a byte
fn byte(part: f32) -> u8 {
    (part * 255.0).round().clamp(0.0, 255.0) as u8
}

/// About how far a point is outside an ellipse around the origin; negative inside.
fn ellipse(x: f32, y: f32, width: f32, height: f32) -> f32 {
    let (across, along) = (x / width, y / height);
    let reach = across.hypot(along);
    let slope = (across / width).hypot(along / height);
    if slope < 1e-6 {
        -width.min(height)
    } else {
        reach * (reach - 1.0) / slope
    }
}

/// How far a point is outside a rectangle with round corners; negative inside.
fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> f32 {
    let radius = radius.min(width).min(height);
    let (a, b) = (x.abs() - width + radius, y.abs() - height + radius);
    let outside = (a.max(0.0).powi(2) + b.max(0.0).powi(2)).sqrt();
    outside + a.max(b).min(0.0) - radius
}
