//! Colours, light and dark.

use std::fmt::Write as _;

use crate::render::map::{Area, Tone};

/// A colour: as red, green, blue; in light surroundings and in dark ones.
type Pair = [u32; 2];

pub(super) const GROUND: Pair = [0xff_ff_ff, 0x0f_14_1a];
pub(super) const TEXT: Pair = [0x1b_1f_24, 0xe6_ed_f3];
pub(super) const MUTED: Pair = [0x50_5a_64, 0xa9_b4_bf];
const HAIRLINE: Pair = [0x8c_95_9f, 0x6e_78_83];
const OVER: Pair = [0xb4_23_18, 0xff_8a_7a];

/// Grounds of areas that have parts; their names stand on them.
#[rustfmt::skip]
pub(super) const GROUPS: [(&str, Pair); 5] = [
    ("g-process",  [0xf0_f2_f4, 0x1a_21_29]),
    ("g-flink",    [0xe3_e7_eb, 0x25_2e_38]),
    ("g-heap",     [0xd3_e3_f5, 0x16_34_54]),
    ("g-off-heap", [0xee_ea_df, 0x33_33_2c]),
    ("g-direct",   [0xcf_ec_e2, 0x12_3f_34]),
];

/// Areas without parts. Neighbours differ in lightness too, not only in hue.
#[rustfmt::skip]
pub(super) const LEAVES: [(&str, Pair); 8] = [
    ("framework-heap",     [0x5b_93_cc, 0x3b_78_bd]),
    ("task-heap",          [0x1d_5a_a0, 0x7c_b5_f2]),
    ("managed",            [0xb8_72_0a, 0xe8_a9_3d]),
    ("framework-off-heap", [0x3d_9a_7d, 0x2f_8f_72]),
    ("task-off-heap",      [0x0a_5a_48, 0x8f_e3_c8]),
    ("network",            [0x24_7f_66, 0x4f_bd_9a]),
    ("metaspace",          [0x8f_3f_a0, 0xb5_65_c9]),
    ("overhead",           [0x88_8f_97, 0x78_82_8d]),
];

/// The class that paints an area.
pub(super) fn fill(area: &Area) -> &'static str {
    match (area.is_leaf(), area.tone, area.id) {
        (false, Tone::Total, "process") => "g-process",
        (false, Tone::Heap, _) => "g-heap",
        (false, Tone::OffHeap, _) => "g-off-heap",
        (false, Tone::Direct, _) => "g-direct",
        (false, ..) => "g-flink",
        (true, Tone::Heap, "framework_heap") => "framework-heap",
        (true, Tone::Heap, _) => "task-heap",
        (true, Tone::Managed, _) => "managed",
        (true, Tone::Direct, "framework_off_heap") => "framework-off-heap",
        (true, Tone::Direct, "task_off_heap") => "task-off-heap",
        (true, Tone::Direct | Tone::OffHeap, _) => "network",
        (true, Tone::Metaspace, _) => "metaspace",
        (true, Tone::Overhead | Tone::Total, _) => "overhead",
    }
}

/// The style sheet. Each rule is under the picture's id: where several are inlined in a page, none touches another.
pub(super) fn style_sheet(id: &str) -> String {
    let mut css = String::new();
    let rules = [
        "{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;\
         font-variant-numeric:tabular-nums}",
        " .b{font-weight:600}",
        " .m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}",
        " line,#ID polyline,#ID circle{fill:none;stroke-width:1}",
        " .slot{stroke-opacity:.6}",
        " .shared{stroke-opacity:.6;stroke-dasharray:3 3}",
        " .free{stroke-dasharray:4 3}",
        " .fits,#ID .over{stroke-width:2}",
    ];
    for rule in rules {
        let _ = write!(css, "#{id}{}", rule.replace("#ID", &format!("#{id}")));
    }
    colours(&mut css, id, 0);
    css.push_str("@media (prefers-color-scheme:dark){");
    colours(&mut css, id, 1);
    css.push('}');
    css
}

fn colours(css: &mut String, id: &str, mode: usize) {
    let rules = [
        ("fill", "rect.ground", GROUND),
        ("fill", "text", TEXT),
        ("fill", ".muted", MUTED),
        ("stroke", ".free", HAIRLINE),
        ("stroke", ".slot", GROUND),
        ("stroke", ".shared", GROUND),
        ("stroke", ".fits", TEXT),
        ("stroke", ".over", OVER),
    ];
    for (property, selector, pair) in rules {
        let _ = write!(css, "#{id} {selector}{{{property}:#{:06x}}}", pair[mode]);
    }
    for (class, pair) in GROUPS.iter().chain(&LEAVES) {
        let _ = write!(css, "#{id} rect.{class}{{fill:#{:06x}}}", pair[mode]);
    }
    for (class, pair) in &LEAVES {
        let _ = write!(css, "#{id} polyline.{class}{{stroke:#{:06x}}}", pair[mode]);
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    /// WCAG 2: relative luminance.
    fn luminance(colour: u32) -> f64 {
        let channel = |shift: u32| {
            let c = f64::from((colour >> shift) & 0xff) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible() {
        for mode in 0..2 {
            for (name, ground) in GROUPS.iter().chain(&[("ground", GROUND)]) {
                for text in [TEXT, MUTED] {
                    let contrast = contrast(text[mode], ground[mode]);
                    assert!(contrast >= 4.5, "{name} in mode {mode}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn areas_stand_out() {
        for mode in 0..2 {
            for (name, fill) in LEAVES {
                let contrast = contrast(fill[mode], GROUND[mode]);
                assert!(contrast >= 3.0, "{name} in mode {mode}: {contrast:.2}");
            }
            for line in [OVER, HAIRLINE] {
                assert!(contrast(line[mode], GROUND[mode]) >= 3.0);
            }
        }
    }

    /// Viénot, Brettel, Mollon 1999: what remains of a colour for a reader without long or without medium cones.
    fn simulated(colour: u32, matrix: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = [16, 8, 0].map(|shift| (f64::from((colour >> shift) & 0xff) / 255.0).powf(2.2));
        matrix.map(|row| row.iter().zip(linear).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0))
    }

    #[test]
    fn neighbours_are_told_apart_by_the_colour_blind() {
        let protan = [[0.1124, 0.8876, 0.0], [0.1124, 0.8876, 0.0], [0.004, -0.004, 1.0]];
        let deutan = [[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]];
        for mode in 0..2 {
            // an area between two others may be empty
            for (i, first) in LEAVES.iter().enumerate() {
                for second in LEAVES.iter().skip(i + 1).take(2) {
                    for matrix in [protan, deutan] {
                        let [a, b] = [first, second].map(|(_, fill)| {
                            simulated(fill[mode], matrix).map(|channel| channel.powf(1.0 / 2.2))
                        });
                        let distance = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
                        assert!(distance >= 0.15, "{} {} in mode {mode}: {distance:.3}", first.0, second.0);
                    }
                }
            }
        }
    }
}
