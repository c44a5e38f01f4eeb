//! Rust's DashMap for ../../adapters/rust_dashmap.hpp: a table of C functions for each pair of key
//! and value types. It hashes with ahash, as its users do when they care for speed.

#![allow(non_upper_case_globals)] // as C names them

use std::borrow::Borrow;
use std::ffi::c_void;
use std::hash::Hash;

use ahash::RandomState;
use dashmap::DashMap;

type Map<K, V> = DashMap<K, V, RandomState>;

/// A key, and what C passes for it.
pub trait Key: Hash + Eq + Borrow<Self::Query> {
    type Raw: Copy;
    type Query: Hash + Eq + ?Sized;
    /// # Safety
    /// What the raw key points to must live as long as the reference.
    unsafe fn query(raw: &Self::Raw) -> &Self::Query;
    /// # Safety
    /// What the raw key points to must be there.
    unsafe fn owned(raw: &Self::Raw) -> Self;
}

impl Key for u64 {
    type Raw = u64;
    type Query = u64;
    unsafe fn query(raw: &u64) -> &u64 {
        raw
    }
    unsafe fn owned(raw: &u64) -> u64 {
        *raw
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    size: usize,
}

impl Key for String {
    type Raw = Text;
    type Query = str;
    unsafe fn query(raw: &Text) -> &str {
        std::str::from_utf8_unchecked(std::slice::from_raw_parts(raw.data, raw.size))
    }
    unsafe fn owned(raw: &Text) -> String {
        Self::query(raw).to_owned()
    }
}

pub trait Value: Copy {
    fn increment(&mut self);
}

impl Value for u64 {
    fn increment(&mut self) {
        *self += 1;
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    words: [u32; 25],
}

impl Value for Record {
    fn increment(&mut self) {
        let (low, carry) = self.words[0].overflowing_add(1);
        self.words[0] = low;
        self.words[1] += u32::from(carry);
    }
}

#[repr(C)]
pub struct Table<K: Key, V: Value> {
    create: unsafe extern "C" fn(usize) -> *mut Map<K, V>,
    destroy: unsafe extern "C" fn(*mut Map<K, V>),
    find: unsafe extern "C" fn(&Map<K, V>, K::Raw, &mut V) -> bool,
    insert: unsafe extern "C" fn(&Map<K, V>, K::Raw, &V) -> bool,
    remove: unsafe extern "C" fn(&Map<K, V>, K::Raw) -> bool,
    increment: unsafe extern "C" fn(&Map<K, V>, K::Raw) -> bool,
    update: unsafe extern "C" fn(
        &Map<K, V>,
        K::Raw,
        unsafe extern "C" fn(*mut c_void, &mut V),
        *mut c_void,
    ) -> bool,
    upsert: unsafe extern "C" fn(&Map<K, V>, K::Raw, &V),
    for_each:
        unsafe extern "C" fn(&Map<K, V>, unsafe extern "C" fn(*mut c_void, K::Raw, &V), *mut c_void),
    size: unsafe extern "C" fn(&Map<K, V>) -> usize,
}

unsafe extern "C" fn create<K: Key, V: Value>(capacity: usize) -> *mut Map<K, V> {
    Box::into_raw(Box::new(Map::with_capacity_and_hasher(
        capacity,
        RandomState::new(),
    )))
}

unsafe extern "C" fn destroy<K: Key, V: Value>(map: *mut Map<K, V>) {
    drop(Box::from_raw(map));
}

unsafe extern "C" fn find<K: Key, V: Value>(map: &Map<K, V>, key: K::Raw, value: &mut V) -> bool {
    match map.get(K::query(&key)) {
        Some(found) => {
            *value = *found;
            true
        }
        None => false,
    }
}

/// Whether the key is new.
unsafe extern "C" fn insert<K: Key, V: Value>(map: &Map<K, V>, key: K::Raw, value: &V) -> bool {
    map.insert(K::owned(&key), *value).is_none()
}

unsafe extern "C" fn remove<K: Key, V: Value>(map: &Map<K, V>, key: K::Raw) -> bool {
    map.remove(K::query(&key)).is_some()
}

unsafe extern "C" fn increment<K: Key, V: Value>(map: &Map<K, V>, key: K::Raw) -> bool {
    match map.get_mut(K::query(&key)) {
        Some(mut found) => {
            found.increment();
            true
        }
        None => false,
    }
}

unsafe extern "C" fn update<K: Key, V: Value>(
    map: &Map<K, V>,
    key: K::Raw,
    change: unsafe extern "C" fn(*mut c_void, &mut V),
    context: *mut c_void,
) -> bool {
    match map.get_mut(K::query(&key)) {
        Some(mut found) => {
            change(context, &mut found);
            true
        }
        None => false,
    }
}

unsafe extern "C" fn upsert<K: Key, V: Value>(map: &Map<K, V>, key: K::Raw, first: &V) {
    map.entry(K::owned(&key))
        .and_modify(Value::increment)
        .or_insert(*first);
}

/// A key in the map as C has it.
pub trait Raw: Key {
    fn raw(&self) -> Self::Raw;
}

impl Raw for u64 {
    fn raw(&self) -> u64 {
        *self
    }
}

impl Raw for String {
    fn raw(&self) -> Text {
        Text {
            data: self.as_ptr(),
            size: self.len(),
        }
    }
}

unsafe extern "C" fn for_each<K: Raw, V: Value>(
    map: &Map<K, V>,
    visit: unsafe extern "C" fn(*mut c_void, K::Raw, &V),
    context: *mut c_void,
) {
    for element in map.iter() {
        visit(context, element.key().raw(), element.value());
    }
}

unsafe extern "C" fn size<K: Key, V: Value>(map: &Map<K, V>) -> usize {
    map.len()
}

impl<K: Raw, V: Value> Table<K, V> {
    const ALL: Self = Self {
        create,
        destroy,
        find,
        insert,
        remove,
        increment,
        update,
        upsert,
        for_each,
        size,
    };
}

#[no_mangle]
pub static rust_dashmap_number_word: Table<u64, u64> = Table::ALL;
#[no_mangle]
pub static rust_dashmap_number_record: Table<u64, Record> = Table::ALL;
#[no_mangle]
pub static rust_dashmap_text_word: Table<String, u64> = Table::ALL;
#[no_mangle]
pub static rust_dashmap_text_record: Table<String, Record> = Table::ALL;
