//! Determines the WebAssembly features that the canonical functions of a component require.

use wasmparser::types::TypesRef;
use wasmparser::{CanonicalFunction, CanonicalOption, ValType, WasmFeatures};

use super::component::of_value;

/// Returns the features that a canonical function requires. `types` are the types of the component.
pub(super) fn of_canonical(
    function: &CanonicalFunction,
    types: Option<TypesRef<'_>>,
) -> WasmFeatures {
    use CanonicalFunction::*;
    let mut used = of_kind(function);
    match function {
        Lift { options, .. } => {
            let is_async = options.contains(&CanonicalOption::Async);
            let is_callback =
                |option: &CanonicalOption| matches!(option, CanonicalOption::Callback(_));
            if is_async && !options.iter().any(is_callback) {
                used |= WasmFeatures::CM_ASYNC_STACKFUL;
            }
            used |= of_options(options, types);
        }
        Lower { options, .. }
        | TaskReturn { options, .. }
        | ErrorContextNew { options }
        | ErrorContextDebugMessage { options } => used |= of_options(options, types),
        StreamRead { options, .. }
        | StreamWrite { options, .. }
        | FutureRead { options, .. }
        | FutureWrite { options, .. } => {
            if !options.contains(&CanonicalOption::Async) {
                used |= WasmFeatures::CM_MORE_ASYNC_BUILTINS;
            }
            used |= of_options(options, types);
        }
        WaitableSetWait { memory } | WaitableSetPoll { memory } => {
            used |= of_memory(*memory, types)
        }
        ThreadNewIndirect { table_index, .. } => {
            let table = types
                .filter(|types| *table_index < types.table_count())
                .map(|types| types.table_at(*table_index));
            if table.is_some_and(|table| table.table64) {
                used |= WasmFeatures::CM64;
            }
        }
        _ => {}
    }
    if let TaskReturn {
        result: Some(ty), ..
    } = function
    {
        used |= of_value(*ty);
    }
    used
}

fn of_options(options: &[CanonicalOption], types: Option<TypesRef<'_>>) -> WasmFeatures {
    let mut used = WasmFeatures::empty();
    for option in options {
        match option {
            CanonicalOption::Async => used |= WasmFeatures::CM_ASYNC,
            CanonicalOption::CoreType(_) | CanonicalOption::Gc => {
                used |= WasmFeatures::CM_GC;
            }
            CanonicalOption::Memory(memory) => used |= of_memory(*memory, types),
            _ => {}
        }
    }
    used
}

fn of_memory(index: u32, types: Option<TypesRef<'_>>) -> WasmFeatures {
    let memory = types
        .filter(|types| index < types.memory_count())
        .map(|types| types.memory_at(index));
    if memory.is_some_and(|memory| memory.memory64) {
        WasmFeatures::CM64
    } else {
        WasmFeatures::empty()
    }
}

/// Returns the features that a canonical function requires because of its kind. Its options may require further features.
fn of_kind(function: &CanonicalFunction) -> WasmFeatures {
    use CanonicalFunction::*;
    let more = |is_needed: bool| match is_needed {
        true => WasmFeatures::CM_ASYNC | WasmFeatures::CM_MORE_ASYNC_BUILTINS,
        false => WasmFeatures::CM_ASYNC,
    };
    match function {
        Lift { .. }
        | Lower { .. }
        | ResourceNew { .. }
        | ResourceDrop { .. }
        | ResourceRep { .. } => WasmFeatures::empty(),
        ThreadSpawnRef { .. } | ThreadSpawnIndirect { .. } | ThreadAvailableParallelism => {
            WasmFeatures::SHARED_EVERYTHING_THREADS
        }
        ContextGet { ty, slot } | ContextSet { ty, slot } => {
            let mut used = WasmFeatures::CM_ASYNC;
            used.set(WasmFeatures::CM64, *ty == ValType::I64);
            used.set(WasmFeatures::CM_THREADING, *slot > 0);
            used
        }
        SubtaskCancel { async_ }
        | StreamCancelRead { async_, .. }
        | StreamCancelWrite { async_, .. }
        | FutureCancelRead { async_, .. }
        | FutureCancelWrite { async_, .. } => more(*async_),
        StreamForward { .. } | FutureForward { .. } => {
            WasmFeatures::CM_ASYNC | WasmFeatures::CM_FORWARD
        }
        ErrorContextNew { .. } | ErrorContextDebugMessage { .. } | ErrorContextDrop => {
            WasmFeatures::CM_ERROR_CONTEXT
        }
        ThreadIndex
        | ThreadNewIndirect { .. }
        | ThreadResumeLater
        | ThreadSuspend
        | ThreadSuspendThenResume
        | ThreadYieldThenResume
        | ThreadSuspendThenPromote
        | ThreadYieldThenPromote => WasmFeatures::CM_THREADING,
        BackpressureInc
        | BackpressureDec
        | TaskReturn { .. }
        | TaskCancel
        | ThreadYield
        | SubtaskDrop
        | StreamNew { .. }
        | StreamRead { .. }
        | StreamWrite { .. }
        | StreamDropReadable { .. }
        | StreamDropWritable { .. }
        | FutureNew { .. }
        | FutureRead { .. }
        | FutureWrite { .. }
        | FutureDropReadable { .. }
        | FutureDropWritable { .. }
        | WaitableSetNew
        | WaitableSetWait { .. }
        | WaitableSetPoll { .. }
        | WaitableSetDrop
        | WaitableJoin => WasmFeatures::CM_ASYNC,
    }
}
