//! Rust's DashMap for ../../adapters/rust_dashmap.hpp: a table of C functions for each pair of key
//! and value types. They are whole loops, compiled with the map as in a Rust program, which does
//! what its documentation advises. It hashes with ahash, as its users do when they care for speed.

#![allow(non_upper_case_globals)] // as C names them

use std::arch::asm;
use std::borrow::Borrow;
use std::ffi::c_void;
use std::hash::Hash;
use std::{mem, slice, str, thread};

use ahash::RandomState;
use dashmap::DashMap;

type Map<K, V> = DashMap<K, V, RandomState>;

/// As in ../../trace.hpp.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Op(u64);

impl Op {
    const FIND: u64 = 0;
    const INSERT: u64 = 1;
    const REMOVE: u64 = 2;
    const UPDATE: u64 = 3;
    const UPSERT: u64 = 4;
    const UPDATE_HELD: u64 = 5;
    const ASSIGN: u64 = 6;

    fn kind(self) -> u64 {
        self.0 & 7
    }
    fn key(self) -> u64 {
        self.0 >> 3
    }
}

// --- Keys and values.

/// A key, and what C++ has for it.
pub trait Key: Hash + Eq + Borrow<Self::Query> {
    type Given: Copy;
    type Query: Hash + Eq + ?Sized;
    /// # Safety
    /// What the given key points to must live as long as the reference.
    unsafe fn query(given: &Self::Given) -> &Self::Query;
    /// # Safety
    /// What the given key points to must be there.
    unsafe fn owned(given: &Self::Given) -> Self;
    /// That of an operation.
    /// # Safety
    /// There must be as many texts as operations, if the keys are texts.
    unsafe fn of(op: Op, texts: *const Self::Given, index: usize) -> Self::Given;
    fn bytes(&self) -> &[u8];
}

impl Key for u64 {
    type Given = u64;
    type Query = u64;
    unsafe fn query(given: &u64) -> &u64 {
        given
    }
    unsafe fn owned(given: &u64) -> u64 {
        *given
    }
    unsafe fn of(op: Op, _: *const u64, _: usize) -> u64 {
        op.key()
    }
    fn bytes(&self) -> &[u8] {
        unsafe { slice::from_raw_parts((self as *const u64).cast(), mem::size_of::<u64>()) }
    }
}

/// A std::string of libstdc++.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    size: usize,
    rest: [u64; 2], // its capacity, or the characters of a short one
}

impl Key for String {
    type Given = Text;
    type Query = str;
    unsafe fn query(given: &Text) -> &str {
        str::from_utf8_unchecked(slice::from_raw_parts(given.data, given.size))
    }
    unsafe fn owned(given: &Text) -> String {
        Self::query(given).to_owned()
    }
    unsafe fn of(_: Op, texts: *const Text, index: usize) -> Text {
        *texts.add(index)
    }
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

pub trait Value: Copy {
    fn of(number: u64) -> Self;
    fn number(&self) -> u64;
    fn increment(&mut self);
    /// Takes it, all of it, as if it were used. What C++ does, instruction for instruction;
    /// std::hint::black_box, which also stores it, came after the Rust that Debian 12 has.
    fn used(&self);
}

impl Value for u64 {
    fn of(number: u64) -> u64 {
        number
    }
    fn number(&self) -> u64 {
        *self
    }
    fn increment(&mut self) {
        *self += 1;
    }
    fn used(&self) {
        unsafe { asm!("/* {0} */", in(reg) *self, options(nomem, nostack, preserves_flags)) }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    words: [u32; 25],
}

impl Value for Record {
    fn of(number: u64) -> Record {
        let mut words = [0; 25];
        words[0] = number as u32;
        words[1] = (number >> 32) as u32;
        Record { words }
    }
    fn number(&self) -> u64 {
        u64::from(self.words[1]) << 32 | u64::from(self.words[0])
    }
    fn increment(&mut self) {
        let (low, carry) = self.words[0].overflowing_add(1);
        self.words[0] = low;
        self.words[1] += u32::from(carry);
    }
    fn used(&self) {
        unsafe { asm!("/* {0} */", in(reg) self, options(readonly, nostack, preserves_flags)) }
    }
}

// --- What is done to one key; each gives whether it found or inserted it.

mod one {
    use super::*;

    #[inline(always)]
    pub unsafe fn insert<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given, value: V) -> bool {
        map.insert(K::owned(key), value).is_none()
    }

    #[inline(always)]
    pub unsafe fn find<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        match map.get(K::query(key)) {
            Some(found) => {
                let value = *found;
                drop(found);
                value.used();
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    pub unsafe fn guard<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        match map.get(K::query(key)) {
            Some(found) => {
                found.number().used();
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    pub unsafe fn update_by<K: Key, V: Value>(
        map: &Map<K, V>,
        key: &K::Given,
        change: impl FnOnce(&mut V),
    ) -> bool {
        match map.get_mut(K::query(key)) {
            Some(mut found) => {
                change(&mut found);
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    pub unsafe fn update<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        update_by(map, key, V::increment)
    }

    #[inline(always)]
    pub unsafe fn update_held<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        update_by(map, key, |value| {
            value.increment();
            thread::yield_now();
        })
    }

    /// A key is likely to be there, and is not copied then.
    #[inline(always)]
    pub unsafe fn upsert<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        if !update(map, key) {
            map.entry(K::owned(key))
                .and_modify(V::increment)
                .or_insert(V::of(1));
        }
        true
    }

    #[inline(always)]
    pub unsafe fn assign<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given, value: V) -> bool {
        // Only a key that has memory of its own is worth a search.
        if !mem::needs_drop::<K>() || !update_by(map, key, |it| *it = value) {
            map.insert(K::owned(key), value);
        }
        true
    }

    #[inline(always)]
    pub unsafe fn erase<K: Key, V: Value>(map: &Map<K, V>, key: &K::Given) -> bool {
        map.remove(K::query(key)).is_some()
    }

    #[inline(always)]
    pub unsafe fn nothing<K: Key, V: Value>(_: &Map<K, V>, key: &K::Given) -> bool {
        (key as *const K::Given as u64).used();
        true
    }
}

// --- What C++ calls.

#[repr(C)]
pub struct Pair<First, Second> {
    first: First,
    second: Second,
}

type Loop<K, V> = unsafe extern "C" fn(&Map<K, V>, *const <K as Key>::Given, usize) -> usize;
type Visit<V> = unsafe extern "C" fn(*mut c_void, *const u8, usize, &V);

#[repr(C)]
pub struct Table<K: Key, V: Value> {
    create: unsafe extern "C" fn(usize, usize) -> *mut Map<K, V>,
    destroy: unsafe extern "C" fn(*mut Map<K, V>),
    size: unsafe extern "C" fn(&Map<K, V>) -> usize,
    insert: unsafe extern "C" fn(&Map<K, V>, *const K::Given, usize, &V) -> usize,
    insert_pairs: unsafe extern "C" fn(&Map<K, V>, *const Pair<K::Given, V>, usize) -> usize,
    find: Loop<K, V>,
    update: Loop<K, V>,
    upsert: Loop<K, V>,
    guard: Loop<K, V>,
    erase: Loop<K, V>,
    nothing: Loop<K, V>,
    replay: unsafe extern "C" fn(&Map<K, V>, *const Op, *const K::Given, usize) -> u64,
    visit_all: unsafe extern "C" fn(&Map<K, V>) -> usize,
    for_each: unsafe extern "C" fn(&Map<K, V>, Visit<V>, *mut c_void),
}

/// With the default number of shards if that is 0.
unsafe extern "C" fn create<K: Key, V: Value>(capacity: usize, shards: usize) -> *mut Map<K, V> {
    let hasher = RandomState::new();
    Box::into_raw(Box::new(match shards {
        0 => Map::with_capacity_and_hasher(capacity, hasher),
        _ => Map::with_capacity_and_hasher_and_shard_amount(capacity, hasher, shards),
    }))
}

unsafe extern "C" fn destroy<K: Key, V: Value>(map: *mut Map<K, V>) {
    drop(Box::from_raw(map));
}

unsafe extern "C" fn size<K: Key, V: Value>(map: &Map<K, V>) -> usize {
    map.len()
}

/// A loop, inlined where it is used.
#[inline(always)]
unsafe fn each<T>(items: *const T, count: usize, body: impl Fn(&T) -> bool) -> usize {
    let mut succeeded = 0;
    for item in slice::from_raw_parts(items, count) {
        succeeded += usize::from(body(item));
    }
    succeeded
}

unsafe extern "C" fn insert<K: Key, V: Value>(
    map: &Map<K, V>,
    keys: *const K::Given,
    count: usize,
    value: &V,
) -> usize {
    each(keys, count, |key| one::insert(map, key, *value))
}

unsafe extern "C" fn insert_pairs<K: Key, V: Value>(
    map: &Map<K, V>,
    pairs: *const Pair<K::Given, V>,
    count: usize,
) -> usize {
    each(pairs, count, |pair| {
        one::insert(map, &pair.first, pair.second)
    })
}

macro_rules! loops {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<K: Key, V: Value>(
            map: &Map<K, V>,
            keys: *const K::Given,
            count: usize,
        ) -> usize {
            each(keys, count, |key| one::$name(map, key))
        }
    )*};
}
loops!(find update upsert guard erase nothing);

unsafe extern "C" fn replay<K: Key, V: Value>(
    map: &Map<K, V>,
    ops: *const Op,
    texts: *const K::Given,
    count: usize,
) -> u64 {
    let mut succeeded = 0;
    for (index, op) in slice::from_raw_parts(ops, count).iter().enumerate() {
        let key = &K::of(*op, texts, index);
        succeeded += u64::from(match op.kind() {
            Op::FIND => one::find(map, key),
            Op::INSERT => one::insert(map, key, V::of(op.key())),
            Op::REMOVE => one::erase(map, key),
            Op::UPDATE => one::update(map, key),
            Op::UPSERT => one::upsert(map, key),
            Op::UPDATE_HELD => one::update_held(map, key),
            Op::ASSIGN => one::assign(map, key, V::of(op.key() + 1)),
            _ => false,
        });
    }
    succeeded
}

/// How many there are.
unsafe extern "C" fn visit_all<K: Key, V: Value>(map: &Map<K, V>) -> usize {
    let mut elements = 0;
    for element in map.iter() {
        element.number().used();
        elements += 1;
    }
    elements
}

unsafe extern "C" fn for_each<K: Key, V: Value>(
    map: &Map<K, V>,
    visit: Visit<V>,
    context: *mut c_void,
) {
    for element in map.iter() {
        let key = element.key().bytes();
        visit(context, key.as_ptr(), key.len(), element.value());
    }
}

impl<K: Key, V: Value> Table<K, V> {
    const ALL: Self = Self {
        create,
        destroy,
        size,
        insert,
        insert_pairs,
        find,
        update,
        upsert,
        guard,
        erase,
        nothing,
        replay,
        visit_all,
        for_each,
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
