//! Files: which ones, what they use, and the cells of their matrix.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check;
use super::error::ScenarioError;
use super::model::Scenario;
use super::read;
use super::reader::Source;

/// A scenario with one choice of every value in its matrix.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The cell, such as `acks=all`; empty without a matrix.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
}

type Values<'a> = Vec<(String, Spanned<DeValue<'a>>)>;

/// How deep files may use files.
const DEPTH_MAX: usize = 8;

/// Every scenario file among these paths: files as they are, directories searched, in the order of names.
///
/// # Errors
/// A path that is not there, or a directory without scenarios.
pub fn find_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ScenarioError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            search(path, &mut files)?;
            if files.len() == before {
                return Err(of_file(path, "no scenario (*.toml) is in this directory"));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Loads a file with all that it uses: a scenario for each cell of its matrix.
///
/// # Errors
/// The first mistake, with its place.
pub fn load(file: &Path) -> Result<Vec<Cell>, ScenarioError> {
    let text = read_text(file)?;
    let table = parse(file, &text)?;
    let source = Source { path: file, text: &text, cell: &[] };
    let loaded: Vec<Cell> = cells(&source, &table)?
        .into_iter()
        .map(|cell| {
            let name = cell.iter().map(|(name, value)| format!("{name}={}", shown(value.get_ref()))).collect::<Vec<_>>().join(",");
            let scenario = load_cell(file, &text, &table, &cell, 0)?;
            check::check(file, &scenario)?;
            Ok(Cell { file: file.to_owned(), name, scenario })
        })
        .collect::<Result<_, _>>()?;
    check_used(&source, &table)?;
    Ok(loaded)
}

fn load_cell<'a>(
    file: &Path,
    text: &'a str,
    table: &'a Spanned<DeTable<'a>>,
    cell: &[(String, Spanned<DeValue<'a>>)],
    depth: usize,
) -> Result<Scenario, ScenarioError> {
    let source = Source { path: file, text, cell };
    let whole = DeValue::Table(table.get_ref().clone());
    let (mut scenario, said) = read::scenario(source.root(table, &whole))?;
    for (used, span) in uses(&source, table)? {
        if depth == DEPTH_MAX {
            return Err(source.error(&span, "use", "files use each other without end"));
        }
        let path = file.parent().unwrap_or(Path::new("")).join(&used);
        let text = fs::read_to_string(&path).map_err(|error| source.error(&span, "use", format!("{}: {error}", path.display())))?;
        let table = parse(&path, &text)?;
        let base = load_cell(&path, &text, &table, cell, depth + 1)?;
        scenario = merge(base, scenario, &said);
    }
    Ok(scenario)
}

/// What a file says goes before what it uses says; lists follow each other.
fn merge(base: Scenario, own: Scenario, said: &read::Said) -> Scenario {
    Scenario {
        title: if own.title.is_empty() { base.title } else { own.title },
        run: if said.run { own.run } else { base.run },
        cluster: if said.cluster { own.cluster } else { base.cluster },
        topics: base.topics.into_iter().chain(own.topics).collect(),
        clients: base.clients.into_iter().chain(own.clients).collect(),
        steps: base.steps.into_iter().chain(own.steps).collect(),
        faults: base.faults.into_iter().chain(own.faults).collect(),
        expect: if said.expect { own.expect } else { base.expect },
    }
}

fn uses(source: &Source<'_>, table: &Spanned<DeTable<'_>>) -> Result<Vec<(String, std::ops::Range<usize>)>, ScenarioError> {
    let Some(value) = table.get_ref().get("use") else { return Ok(Vec::new()) };
    let says = || source.error(&value.span(), "use", "expected a list of files, such as [\"../base/one-broker.toml\"]");
    let array = value.get_ref().as_array().ok_or_else(says)?;
    array.iter().map(|file| file.get_ref().as_str().map(|name| (name.to_owned(), file.span())).ok_or_else(says)).collect()
}

/// A name of the matrix that no value uses spans cells that are all the same. What other files do with it is theirs.
fn check_used(source: &Source<'_>, table: &Spanned<DeTable<'_>>) -> Result<(), ScenarioError> {
    let names = table.get_ref().get("matrix").and_then(|matrix| matrix.get_ref().as_table());
    let is_unused = |name: &str| !source.text.contains(&format!("\"${name}\"")) && !table.get_ref().contains_key("use");
    match names.and_then(|names| names.keys().find(|name| is_unused(name.get_ref()))) {
        Some(name) => {
            let says = format!("no value is \"${}\", so the matrix spans nothing by it", name.get_ref());
            Err(source.error(&name.span(), &format!("matrix.{}", name.get_ref()), says))
        }
        None => Ok(()),
    }
}

/// The product of all choices in the matrix.
fn cells<'a>(source: &Source<'a>, table: &Spanned<DeTable<'a>>) -> Result<Vec<Values<'a>>, ScenarioError> {
    let Some(matrix) = table.get_ref().get("matrix") else { return Ok(vec![Vec::new()]) };
    let says = |span: std::ops::Range<usize>, key: &str| {
        source.error(&span, key, "expected lists of values by name, such as { acks = [\"1\", \"all\"] }")
    };
    let names = matrix.get_ref().as_table().ok_or_else(|| says(matrix.span(), "matrix"))?;
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by_key(|(name, _)| name.span().start);
    let mut cells = vec![Vec::new()];
    for (name, values) in names {
        let key = format!("matrix.{}", name.get_ref());
        let values = values.get_ref().as_array().filter(|values| !values.is_empty()).ok_or_else(|| says(values.span(), &key))?;
        let with =
            |cell: &Values<'a>, value: &Spanned<DeValue<'a>>| [cell.clone(), vec![(name.get_ref().to_string(), value.clone())]].concat();
        cells = cells.iter().flat_map(|cell| values.iter().map(move |value| with(cell, value))).collect();
    }
    Ok(cells)
}

fn search(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), ScenarioError> {
    let entries = fs::read_dir(directory).map_err(|error| of_file(directory, &error.to_string()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            // What a leading underscore hides is used by others and is no story by itself.
            if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_')) {
                search(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

fn read_text(file: &Path) -> Result<String, ScenarioError> {
    fs::read_to_string(file).map_err(|error| of_file(file, &error.to_string()))
}

fn parse<'a>(file: &Path, text: &'a str) -> Result<Spanned<DeTable<'a>>, ScenarioError> {
    DeTable::parse(text).map_err(|error| {
        let source = Source { path: file, text, cell: &[] };
        source.error(&error.span().unwrap_or(0..0), "", error.message())
    })
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => "…".to_owned(),
    }
}

pub(super) fn of_file(file: &Path, says: &str) -> ScenarioError {
    ScenarioError { file: file.to_owned(), at: None, key: String::new(), says: says.to_owned(), nearest: None }
}
