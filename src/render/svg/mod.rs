//! The memory map as a picture: one SVG file, no scripts, no fonts, no links.
//!
//! Left to right, each column is one level of the tree; top to bottom is bytes. All areas are equally wide, so what an
//! area shows is its share to the byte, and the parts of an area stand beside it and fill its height. What is too small
//! to be labelled is labelled all the same: names and numbers stand in a list at the right, a line leads from each area
//! to its entry, and the entries keep their distance.
//!
//! Light and dark follow the reader's setting. The colours are told apart with the common kinds of colour blindness,
//! and text has a contrast of at least 4.5 : 1; both are tested in `colour`. The picture has a title and a description,
//! so a screen reader tells all that it shows.
//!
//! With a container's limit the picture has a load line: the process is stacked from the bottom up, and what is above
//! the line does not fit.

mod colour;
mod header;
mod labels;
mod layout;
mod measure;
mod scene;
mod write;

#[cfg(test)]
mod tests;

use super::MemoryMap;

/// What to draw beside the map itself.
#[derive(Debug, Clone, Default)]
pub struct DrawOptions {
    /// The title. Default: `TaskManager memory`, `JobManager memory`.
    pub title: Option<String>,
    /// The width in pixels. Default: 1000. The picture is as wide as its numbers need where that is more.
    pub width: Option<u32>,
    /// Task slots: draws each slot's share inside the areas that slots divide.
    pub slots: Option<u32>,
    /// The limit of the container in bytes: draws the load line.
    pub limit: Option<u64>,
}

/// Draws a map.
pub fn draw(map: &MemoryMap, options: &DrawOptions) -> String {
    write::svg(&layout::scene(map, options))
}
