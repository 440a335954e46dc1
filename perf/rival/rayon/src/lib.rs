// SPDX-License-Identifier: MIT

//! Rayon's side of kernel/par/par.h: join, and a parallel iterator over pieces.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::os::raw::{c_char, c_long, c_void};
use std::sync::Mutex;

type Fn1 = extern "C" fn(*mut c_void);
type FnRange = extern "C" fn(*mut c_void, c_long, c_long);
type FnLoop = extern "C" fn(u64, c_long) -> i64;

/// What the C side hands over may be used by any thread.
#[derive(Clone, Copy)]
struct Arg(*mut c_void);
unsafe impl Send for Arg {}
unsafe impl Sync for Arg {}

impl Arg {
    fn get(self) -> *mut c_void {
        self.0
    }
}

#[no_mangle]
pub static par_peer: [c_char; 6] = [
    b'r' as c_char,
    b'a' as c_char,
    b'y' as c_char,
    b'o' as c_char,
    b'n' as c_char,
    0,
];

#[no_mangle]
pub extern "C" fn par_two(function: Fn1, a: *mut c_void, b: *mut c_void) {
    let (a, b) = (Arg(a), Arg(b));
    rayon::join(move || function(a.get()), move || function(b.get()));
}

#[no_mangle]
pub extern "C" fn par_for(count: c_long, grain: c_long, function: FnRange, arg: *mut c_void) {
    let arg = Arg(arg);
    let pieces = (count + grain - 1) / grain;
    (0..pieces as usize).into_par_iter().for_each(move |i| {
        let from = i as c_long * grain;
        function(arg.get(), from, count.min(from + grain));
    });
}

/// # Safety
/// There are `count` numbers, and nobody else uses them.
#[no_mangle]
pub unsafe extern "C" fn par_library_sort(numbers: *mut u32, count: c_long) {
    std::slice::from_raw_parts_mut(numbers, count as usize).par_sort_unstable();
}

/// Kept until another number of workers is asked for.
static POOL: Mutex<Option<ThreadPool>> = Mutex::new(None);

#[no_mangle]
pub extern "C" fn par_run(workers: c_long, f: FnLoop, n: u64, param: c_long) -> i64 {
    let workers = workers as usize;
    let mut pool = POOL.lock().unwrap();
    if !matches!(&*pool, Some(p) if p.current_num_threads() == workers) {
        *pool = ThreadPoolBuilder::new().num_threads(workers).build().ok();
    }
    match &*pool {
        Some(pool) => pool.install(|| f(n, param)),
        None => -1,
    }
}
