//! A picture with letters: strokes that are bent, turned and crossed out, and only then pixels. (An SVG would hand the
//! strokes to a program.) The letters are sealed in the picture's id, so that the server stores nothing.
//!
//! Programs read such pictures, too. It is for operators that must have one: the proof of work does not exclude blind
//! users.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_core::clock::{Millis, World};
use doorward_core::secret::same;
use doorward_core::secret_keys::SecretKeys;
use doorward_protocol::captcha::Challenge;
use zeroize::Zeroizing;

/// How long a picture is valid.
const LIFETIME: Millis = 5 * 60_000;
/// Letters in it: the chance of a guess is one in two million, and each guess uses a picture up.
const LETTERS: usize = 5;
const SEALED_AS: &str = "captcha picture";
/// Most characters of an id.
const LONGEST: usize = 128;

const WIDTH: usize = 200;
const HEIGHT: usize = 70;
/// Half the width of a letter's stroke and of a crossing line, in pixels.
const PEN: f32 = 1.7;
const NEEDLE: f32 = 0.9;
/// Number of crossing lines.
const LINES: usize = 2;

/// Characters that do not look alike, even with a line through them (F would look like E, and P like R). A character is
/// strokes, a stroke is points, a point is a column from 0 to 8 and a row from 0 to c.
const ALPHABET: &[(char, &str)] = &[
    ('A', "0c 40 8c / 28 68"),
    ('C', "82 60 20 02 0a 2c 6c 8a"),
    ('E', "80 00 0c 8c / 06 66"),
    ('H', "00 0c / 80 8c / 06 86"),
    ('J', "60 6a 4c 2c 0a"),
    ('K', "00 0c / 80 07 / 25 8c"),
    ('L', "00 0c 8c"),
    ('M', "0c 00 46 80 8c"),
    ('N', "0c 00 8c 80"),
    ('R', "0c 00 60 82 84 66 06 / 46 8c"),
    ('T', "00 80 / 40 4c"),
    ('U', "00 0a 2c 6c 8a 80"),
    ('W', "00 2c 44 6c 80"),
    ('X', "00 8c / 80 0c"),
    ('Y', "00 46 80 / 46 4c"),
    ('3', "02 20 60 82 84 66 36 / 66 88 8a 6c 2c 0a"),
    ('4', "6c 60 08 88"),
    ('6', "82 60 20 02 0a 2c 6c 8a 88 66 06"),
    ('7', "00 80 3c"),
];

/// The content of a picture, read from its id.
pub(super) struct ShownPicture {
    pub(super) until: Millis,
    letters: Zeroizing<Vec<u8>>,
}

impl ShownPicture {
    /// True if the code has these letters. Case and spaces do not matter.
    pub(super) fn reads(&self, code: &str) -> bool {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        same(code.to_ascii_uppercase().as_bytes(), &self.letters)
    }
}

/// A new picture.
pub(super) fn challenge(keys: &SecretKeys, world: &World) -> Option<Challenge> {
    let letters: Vec<(char, &str)> = (0..LETTERS).filter_map(|_| pick(world)).collect();
    let mut said = Zeroizing::new(Vec::from((world.now() + LIFETIME).to_be_bytes()));
    said.extend(letters.iter().filter_map(|(letter, _)| u8::try_from(*letter).ok()));
    let id = URL_SAFE_NO_PAD.encode(keys.seal(world, SEALED_AS, &said)?);
    let mut canvas = Canvas::new(world);
    for (at, (_, strokes)) in letters.iter().enumerate() {
        canvas.write(world, at, strokes);
    }
    for _ in 0..LINES {
        canvas.cross(world);
    }
    Some(Challenge::Picture {
        id,
        image: format!("data:image/png;base64,{}", STANDARD.encode(canvas.png()?)),
    })
}

/// Reads the content of a picture from its id. `None` if the id is forged or the picture is too old.
pub(super) fn open(keys: &SecretKeys, id: &str, now: Millis) -> Option<ShownPicture> {
    if id.len() > LONGEST {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(id).ok()?;
    let said = keys.open(SEALED_AS, &sealed)?;
    let (until, letters) = said.split_first_chunk::<8>()?;
    let until = Millis::from_be_bytes(*until);
    (now < until).then(|| ShownPicture { until, letters: Zeroizing::new(letters.to_vec()) })
}

fn pick(world: &World) -> Option<(char, &'static str)> {
    let chance = u32::from_be_bytes(world.bytes()) as usize;
    ALPHABET.get(chance % ALPHABET.len()).copied()
}

/// A number between the two, evenly distributed.
fn between(world: &World, least: f32, most: f32) -> f32 {
    let chance = f32::from(u16::from_be_bytes(world.bytes())) / f32::from(u16::MAX);
    least + chance * (most - least)
}

type Point = (f32, f32);

/// A canvas with waves: it bends the strokes that are drawn on it.
struct Canvas {
    /// From 0 (white) to 1 (ink), row by row.
    ink: Vec<f32>,
    height: f32,
    length: f32,
    phase: Point,
}

impl Canvas {
    fn new(world: &World) -> Canvas {
        Canvas {
            ink: vec![0.0; WIDTH * HEIGHT],
            height: between(world, 3.0, 5.0),
            length: between(world, 9.0, 15.0),
            phase: (between(world, 0.0, 6.3), between(world, 0.0, 6.3)),
        }
    }

    /// Writes a letter at its position, turned and slanted.
    fn write(&mut self, world: &World, at: usize, strokes: &str) {
        let (sin, cos) = between(world, -0.35, 0.35).sin_cos();
        let (wide, high) = (between(world, 2.6, 3.4), between(world, 3.0, 3.9));
        let lean = between(world, -0.3, 0.3);
        let middle = (at as f32 * 35.0 + between(world, 26.0, 34.0), between(world, 31.0, 39.0));
        let place = |point: &str| {
            let mut digits = point.chars().map(|digit| digit.to_digit(16).unwrap_or(0) as f32);
            let (column, row) = (digits.next().unwrap_or(0.0) - 4.0, digits.next().unwrap_or(0.0) - 6.0);
            let (x, y) = (column * wide - row * lean * high, row * high);
            (middle.0 + x * cos - y * sin, middle.1 + x * sin + y * cos)
        };
        for stroke in strokes.split(" / ") {
            let points: Vec<Point> = stroke.split(' ').map(place).collect();
            self.stroke(&points, PEN);
        }
    }

    /// Draws a line from one side to the other.
    fn cross(&mut self, world: &World) {
        let points: Vec<Point> =
            (0..=4).map(|at| (at as f32 * WIDTH as f32 / 4.0, between(world, 8.0, 62.0))).collect();
        self.stroke(&points, NEEDLE);
    }

    fn stroke(&mut self, points: &[Point], pen: f32) {
        for pair in points.windows(2) {
            let [from, to] = pair else { continue };
            // In pieces, so that a straight line is bent as well.
            let piece = |at: f32| self.bent((from.0 + (to.0 - from.0) * at, from.1 + (to.1 - from.1) * at));
            let pieces: Vec<Point> = (0..=8).map(|at| piece(at as f32 / 8.0)).collect();
            for pair in pieces.windows(2) {
                if let [from, to] = pair {
                    self.line(*from, *to, pen);
                }
            }
        }
    }

    fn bent(&self, (x, y): Point) -> Point {
        let wave = |at: f32, phase: f32| (at / self.length + phase).sin();
        (x + wave(y, self.phase.0) * self.height * 0.6, y + wave(x, self.phase.1) * self.height)
    }

    fn line(&mut self, from: Point, to: Point, pen: f32) {
        let reach = pen + 1.0;
        let (left, right) = (from.0.min(to.0) - reach, from.0.max(to.0) + reach);
        let (top, bottom) = (from.1.min(to.1) - reach, from.1.max(to.1) + reach);
        // Only the pixels that it can reach: a picture has hundreds of pieces and fourteen thousand pixels.
        let within =
            |from: f32, to: f32, most: usize| (from.max(0.0) as usize)..(to.max(0.0) as usize + 1).min(most);
        for row in within(top, bottom, HEIGHT) {
            for column in within(left, right, WIDTH) {
                let Some(ink) = self.ink.get_mut(row * WIDTH + column) else { continue };
                let reached = reach - distance((column as f32, row as f32), from, to);
                *ink = ink.max(reached.clamp(0.0, 1.0));
            }
        }
    }

    fn png(&self) -> Option<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, WIDTH as u32, HEIGHT as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        // Sixteen grey levels are enough and halve the size.
        let pixels: Vec<u8> = self.ink.iter().map(|ink| 255 - (ink * 15.0) as u8 * 16).collect();
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&pixels).ok()?;
        writer.finish().ok()?;
        Some(file)
    }
}

fn distance(point: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = ((point.0 - from.0) * dx + (point.1 - from.1) * dy) / length.max(f32::MIN_POSITIVE);
    let along = along.clamp(0.0, 1.0);
    (point.0 - from.0 - along * dx).hypot(point.1 - from.1 - along * dy)
}
