//! What to generate, and the order of the steps.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use buffa_codegen::generated::descriptor::{FileDescriptorProto, FileDescriptorSet};
use buffa_codegen::{CodeGenConfig, GeneratedFile, GeneratedFileKind, IncludeMode};

use crate::{paths, service};

/// The file that a crate includes, in `OUT_DIR`.
const INCLUDE_FILE: &str = "corelay_rpc.rs";

/// Files whose messages `buffa-types` has.
const WELL_KNOWN: &str = "google/protobuf/";

/// What is to be generated; see the [crate's page](crate).
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is generated before compile()"]
pub struct Config {
    files: Vec<PathBuf>,
    includes: Vec<PathBuf>,
    out_dir: Option<PathBuf>,
}

/// Why nothing was generated: a file that cannot be read or does not parse, with the place.
pub struct Error(String);

impl Config {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more file, by its path from the crate's root or from one of the [includes](Config::include).
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// One more folder that imports are looked for in. Without any: the crate's root.
    pub fn include(mut self, path: impl Into<PathBuf>) -> Self {
        self.includes.push(path.into());
        self
    }

    /// Writes to this folder, and not to `OUT_DIR`.
    pub fn out_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(path.into());
        self
    }

    /// Generates, and tells cargo which files to watch.
    ///
    /// # Errors
    /// A file cannot be read, does not parse, or has what the generator does not support.
    pub fn compile(self) -> Result<(), Error> {
        let set = self.read()?;
        let names: Vec<String> = set.file.iter().filter_map(|file| file.name.clone()).collect();
        let wanted: Vec<String> = names.into_iter().filter(|name| !name.starts_with(WELL_KNOWN)).collect();
        let mut config = CodeGenConfig::default();
        config.generate_views = false;
        config.generate_json = true;
        let mut files = buffa_codegen::generate(&set.file, &wanted, &config).map_err(Error::from_display)?;
        let services = services(&set.file, &wanted, &config)?;
        buffa_codegen::apply_companions(&mut files, services);
        self.write(&files)
    }

    /// Parses the files and all that they import.
    fn read(&self) -> Result<FileDescriptorSet, Error> {
        let root = [PathBuf::from(".")];
        let includes = if self.includes.is_empty() { &root } else { self.includes.as_slice() };
        let mut compiler = protox::Compiler::new(includes).map_err(Error::from_debug)?;
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(&self.files).map_err(Error::from_debug)?;
        for path in compiler.files().filter_map(|file| file.path()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
        let options = buffa_codegen::tooling_decode_options().map_err(Error)?;
        options.decode_from_slice(&compiler.encode_file_descriptor_set()).map_err(Error::from_display)
    }

    fn write(&self, files: &[GeneratedFile]) -> Result<(), Error> {
        let from_cargo = || std::env::var_os("OUT_DIR").map(PathBuf::from);
        let folder = self.out_dir.clone().or_else(from_cargo);
        let folder =
            folder.ok_or_else(|| Error("OUT_DIR is not set: is this no build script?".to_owned()))?;
        for file in files {
            write_file(&folder.join(&file.name), &paths::through_corelay_rpc(&file.content))?;
        }
        let stitchers = files.iter().filter(|file| file.kind == GeneratedFileKind::PackageMod);
        let entries: Vec<(&str, &str)> = stitchers.map(|file| (&*file.name, &*file.package)).collect();
        let mode = if self.out_dir.is_some() { IncludeMode::Relative("") } else { IncludeMode::OutDir };
        let tree = buffa_codegen::generate_module_tree(&entries, mode, false);
        write_file(&folder.join(INCLUDE_FILE), &tree)
    }
}

/// The services of each file, as one more file of its package.
fn services(
    all: &[FileDescriptorProto],
    wanted: &[String],
    config: &CodeGenConfig,
) -> Result<Vec<GeneratedFile>, Error> {
    let context = buffa_codegen::context::CodeGenContext::for_generate(all, wanted, config);
    let generated = || all.iter().filter(|file| file.name.as_ref().is_some_and(|name| wanted.contains(name)));
    // Each package with a message has a function that registers its types.
    let with_messages = generated().filter(|file| !file.message_type.is_empty());
    let packages: BTreeSet<&str> = with_messages.map(|file| file.package.as_deref().unwrap_or("")).collect();
    let mut files = Vec::new();
    for file in generated().filter(|file| !file.service.is_empty()) {
        let package = file.package.clone().unwrap_or_default();
        let stem = buffa_codegen::proto_path_to_stem(file.name.as_deref().unwrap_or_default());
        let content = service::generate(file, &context, &packages).map_err(Error)?;
        let (name, kind) = (format!("{stem}.__corelay.rs"), GeneratedFileKind::Companion);
        files.push(GeneratedFile { name, package, kind, content });
    }
    Ok(files)
}

/// A file that stays as it is keeps its time, and what was built from it.
fn write_file(path: &Path, content: &str) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|before| before == content.as_bytes()) {
        return Ok(());
    }
    fs::write(path, content).map_err(|error| Error(format!("{}: {error}", path.display())))
}

impl Error {
    fn from_display(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// protox shows file, line and cause in `Debug` alone.
    fn from_debug(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// As it is displayed: what `main` of a build script prints.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
