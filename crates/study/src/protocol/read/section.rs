//! Walks through the tables of the file: remembers which keys are known, and collects what is
//! wrong together with its path.

use super::suggest::known_names;
use super::value::{Parsed, wrong_type};
use super::{Violation, place};
use std::cell::RefCell;
use toml::de::{DeString, DeTable, DeValue};

/// One table of the file. A key that is asked for is known; all others are violations.
pub(super) struct Section<'a> {
    path: String,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    violations: &'a RefCell<Vec<Violation>>,
}

impl<'a> Section<'a> {
    /// Reads the whole file. What could not be read has a stand-in value and a violation.
    pub(super) fn read<T>(
        table: &DeTable,
        read: impl FnOnce(&Section) -> T,
    ) -> (T, Vec<Violation>) {
        let violations = RefCell::default();
        let root = Section {
            path: String::new(),
            table,
            asked: RefCell::default(),
            violations: &violations,
        };
        let value = root.read_with(read);
        (value, violations.into_inner())
    }

    /// Whether the file has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the file has a table under this key.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().as_table().is_some())
    }

    /// Records that something is wrong with a key.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        self.report(place::join(&self.path, key), message);
    }

    /// The value of a key, if it is there and in order.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue) -> Parsed<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        parse(value).map_err(|message| self.refuse(key, message)).ok()
    }

    /// The value of a key that must be there; `None` has been reported.
    pub(super) fn needed<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue) -> Parsed<T>,
    ) -> Option<T> {
        if !self.has(key) {
            self.refuse(key, format!("`{key}` is missing"));
        }
        self.optional(key, parse)
    }

    /// The values of a list, if there is one. What is wrong with a value, or occurs twice, is
    /// reported and left out.
    pub(super) fn list<T: PartialEq>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue) -> Parsed<T>,
    ) -> Option<Vec<T>> {
        let value = self.get(key)?;
        let Some(array) = value.as_array() else {
            self.refuse(key, wrong_type("a list in square brackets", value));
            return None;
        };
        let mut items = Vec::new();
        for (index, item) in array.iter().enumerate() {
            match parse(item.get_ref()) {
                Ok(item) if items.contains(&item) => {
                    self.refuse_item(key, index, "occurs twice in the list");
                }
                Ok(item) => items.push(item),
                Err(message) => self.refuse_item(key, index, message),
            }
        }
        Some(items)
    }

    /// The same for a list that has at least one value.
    pub(super) fn filled_list<T: PartialEq>(
        &self,
        key: &'static str,
        parse: impl Fn(&DeValue) -> Parsed<T>,
    ) -> Option<Vec<T>> {
        if self.list_len(key) == Some(0) {
            self.refuse(key, "the list must not be empty; leave the key out for its default");
        }
        self.list(key, parse)
    }

    /// How many values a list has, right or wrong ones.
    pub(super) fn list_len(&self, key: &str) -> Option<usize> {
        Some(self.table.get(key)?.get_ref().as_array()?.len())
    }

    /// A table, if it is there.
    pub(super) fn table<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section) -> T,
    ) -> Option<T> {
        let value = self.get(key)?;
        self.within(place::join(&self.path, key), value, read)
    }

    /// A table that must be there; without it the value is a stand-in and has been reported.
    pub(super) fn needed_table<T>(&self, key: &'static str, read: impl Fn(&Section) -> T) -> T {
        if !self.has(key) {
            self.refuse(key, format!("`{key}` is missing"));
        }
        self.defaulted_table(key, read)
    }

    /// A table in which every key has a default, so that it may be left out.
    pub(super) fn defaulted_table<T>(&self, key: &'static str, read: impl Fn(&Section) -> T) -> T {
        self.table(key, &read).unwrap_or_else(|| stand_in(read))
    }

    /// The tables of `[[key]]`; what is no table has been reported and a stand-in.
    pub(super) fn tables<T>(&self, key: &'static str, read: impl Fn(&Section) -> T) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            self.refuse(key, format!("expected tables of their own, each under `[[{key}]]`"));
            return Vec::new();
        };
        let path = place::join(&self.path, key);
        let entry = |(index, item): (usize, &toml::Spanned<DeValue>)| {
            self.within(format!("{path}[{index}]"), item.get_ref(), &read)
                .unwrap_or_else(|| stand_in(&read))
        };
        array.iter().enumerate().map(entry).collect()
    }

    /// The entries of a table whose keys are names, in the order of the file; likewise.
    pub(super) fn entries<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str, &Section) -> T,
    ) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(table) = value.as_table() else {
            self.refuse(key, wrong_type("a table", value));
            return Vec::new();
        };
        let path = place::join(&self.path, key);
        let entry = |(name, value): (&toml::Spanned<DeString>, &toml::Spanned<DeValue>)| {
            let read = |section: &Section| read(name.get_ref(), section);
            self.within(place::join(&path, name.get_ref()), value.get_ref(), read)
                .unwrap_or_else(|| stand_in(read))
        };
        table.iter().map(entry).collect()
    }

    /// Records that something is wrong with this table as a whole.
    pub(super) fn refuse_self(&self, message: impl Into<String>) {
        self.report(self.path.clone(), message);
    }

    fn get(&self, key: &'static str) -> Option<&'a DeValue<'a>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key).map(|value| value.get_ref())
    }

    fn within<T>(
        &self,
        path: String,
        value: &DeValue,
        read: impl FnOnce(&Section) -> T,
    ) -> Option<T> {
        let Some(table) = value.as_table() else {
            self.report(path, wrong_type("a table", value));
            return None;
        };
        let asked = RefCell::default();
        Some(Section { path, table, asked, violations: self.violations }.read_with(read))
    }

    fn read_with<T>(&self, read: impl FnOnce(&Section) -> T) -> T {
        let value = read(self);
        let known = self.asked.borrow();
        for name in self.table.keys().map(|name| name.get_ref()) {
            if !known.contains(&name.as_ref()) {
                self.refuse(
                    name,
                    format!("unknown key `{name}`; known are {}", known_names(name, &known)),
                );
            }
        }
        value
    }

    fn refuse_item(&self, key: &str, index: usize, message: impl Into<String>) {
        self.report(format!("{}[{index}]", place::join(&self.path, key)), message);
    }

    fn report(&self, path: String, message: impl Into<String>) {
        self.violations.borrow_mut().push(Violation { path, message: message.into() });
    }
}

/// What a table would be if it were empty, its violations unheard.
fn stand_in<T>(read: impl FnOnce(&Section) -> T) -> T {
    Section::read(&DeTable::new(), read).0
}
