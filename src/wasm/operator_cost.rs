//! Estimates the work of validating function bodies, in units of [fuel](super::fuel).
//!
//! For an operator, the validator pops and pushes the types of the operands. It compares each popped reference type with the expected type,
//! which takes a step for each level of subtyping between them. For a few operators, it does this for each of many labels or tags.

use wasmparser::{
    BinaryReader, BlockType, Catch, CompositeInnerType, FrameKind, FuncValidator, FunctionBody,
    Handle, ModuleArity, Operator, ResumeTable, TryTable, ValidatorResources,
    WasmModuleResources as _,
};

/// The cost of a function without its operators, in units of fuel.
pub(super) const BODY: u64 = 400;
/// The cost of an operator with few operands, in units of fuel (validation work).
pub(super) const SIMPLE: u64 = 12;
/// The cost of an operator that is decoded twice: first to estimate its cost, then to validate it. One unit is about a nanosecond.
pub(super) const COMPLEX: u64 = 60;
/// The cost of validating each label or tag in a list, such as the labels of `br_table`, in units of fuel.
pub(super) const LABEL: u64 = 12;
/// The cost of popping and pushing the type of one operand, in units of fuel.
pub(super) const OPERAND: u64 = 8;
/// The cost of comparing two types over one level of subtyping, in units of fuel.
pub(super) const SUBTYPE_STEP: u64 = 7;
/// The number of locals whose declaration costs one unit of fuel (about a nanosecond of one core).
const LOCALS_PER_UNIT: u64 = 8;
/// The maximum number of elements of `array.new_fixed` whose types are checked. If there are more, `wasmparser` rejects the operator
/// without checking them.
const ARRAY_ELEMENTS_MAX: u32 = 10_000;

/// Estimates how much fuel (validation work) each operator in a function body costs.
pub(super) struct OperatorCost<'v, 'b> {
    pub(super) code: &'b [u8],
    /// The cost of popping, comparing and pushing one operand, in units of fuel (about a nanosecond of one core).
    pub(super) operand: u64,
    pub(super) validator: &'v mut FuncValidator<ValidatorResources>,
}

impl OperatorCost<'_, '_> {
    pub(super) fn of_locals(&self, body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
        let mut locals = body.get_locals_reader()?;
        let mut count = 0;
        for _ in 0..locals.get_count() {
            // Malformed or too many locals are ignored here, because the validator rejects them with a better reason.
            let Ok((more, _)) = locals.read() else { break };
            count += u64::from(more);
        }
        let ty = self.type_operands(self.validator_type());
        Ok(count / LOCALS_PER_UNIT + u64::from(locals.get_count()) * SIMPLE + ty * OPERAND)
    }

    fn validator_type(&self) -> Option<u32> {
        let resources = self.validator.resources();
        resources.type_index_of_function(self.validator.index())
    }

    /// Returns the cost of the operator at the position of `reader`.
    #[inline]
    pub(super) fn of_operator(&mut self, reader: &BinaryReader<'_>) -> wasmparser::Result<u64> {
        let position = reader.current_position();
        let Some(opcode) = self.code.get(position) else {
            return Ok(SIMPLE);
        };
        Ok(match opcode {
            // Operators on numbers: constants, arithmetic, conversions, loads and stores.
            0x28..=0xc4 | 0x00 | 0x01 | 0x1a => SIMPLE,
            // Operators on locals, globals and tables, and operators of proposals with a fixed number of operands.
            0x1b | 0x20..=0x26 | 0xfc..=0xfe => SIMPLE + 3 * (self.operand - OPERAND),
            // Control operators of WebAssembly 1.0. They are frequent, so they are not decoded completely like the others.
            0x02..=0x04 => self.of_block(reader),
            0x05 | 0x0b => SIMPLE + 2 * self.operand * self.label_operands(0),
            0x0c | 0x0d => match self.immediate(reader) {
                Some(label) => SIMPLE + self.operand * self.label_operands(label),
                None => SIMPLE,
            },
            0x10 => match self.immediate(reader) {
                Some(function) => {
                    let ty = self.validator.type_index_of_function(function);
                    SIMPLE + self.operand * self.type_operands(ty)
                }
                None => SIMPLE,
            },
            0x11 => match self.immediate(reader) {
                Some(ty) => SIMPLE + self.operand * (2 + self.type_operands(Some(ty))),
                None => SIMPLE,
            },
            _ => self.of_other(reader)?,
        })
    }

    /// Reads the first immediate of the operator at the position of `reader`. Returns `None` if it is malformed: the validator then rejects
    /// it with a reason.
    fn immediate(&self, reader: &BinaryReader<'_>) -> Option<u32> {
        let mut reader = reader.clone();
        reader.read_u8().ok()?;
        reader.read_var_u32().ok()
    }

    fn of_block(&self, reader: &BinaryReader<'_>) -> u64 {
        let mut reader = reader.clone();
        let ty = reader.read_u8().and_then(|_| reader.read_var_s33());
        match ty.ok().and_then(|ty| u32::try_from(ty).ok()) {
            Some(ty) => SIMPLE + 2 * self.operand * self.type_operands(Some(ty)),
            None => SIMPLE,
        }
    }

    /// Decodes the operator at the position of `reader`, and returns the cost of validating it, in units of fuel.
    fn of_other(&mut self, reader: &BinaryReader<'_>) -> wasmparser::Result<u64> {
        let visitor = self.validator.visitor(reader.original_position());
        let operator = reader.peek_operator(&visitor)?;
        let arity = operator.operator_arity(&visitor);
        drop(visitor);
        let (popped, pushed) = arity.unwrap_or_default();
        let mut operands = u64::from(popped) + u64::from(pushed) + 4;
        let mut labels = 0;
        match &operator {
            Operator::BrTable { targets } => {
                labels = u64::from(targets.len()) + 1;
                operands = operands.saturating_mul(labels);
            }
            Operator::ArrayNewFixed { array_size, .. } => {
                operands = 4 + u64::from(ARRAY_ELEMENTS_MAX.min(*array_size));
            }
            Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => {
                let outermost = self.validator.control_stack_height().saturating_sub(1);
                operands += 3 * self.label_operands(outermost);
            }
            Operator::Catch { tag_index } => operands += self.tag_operands(*tag_index),
            Operator::CatchAll | Operator::Delegate { .. } => operands += self.label_operands(0),
            Operator::TryTable { try_table } => {
                labels = try_table.catches.len() as u64;
                operands += self.of_catches(try_table);
            }
            Operator::ContNew {
                cont_type_index: ty,
            } => operands += self.type_operands(Some(*ty)),
            Operator::ContBind {
                argument_index,
                result_index,
            } => {
                let (argument, result) = (Some(*argument_index), Some(*result_index));
                operands += 2 * (self.type_operands(argument) + self.type_operands(result));
            }
            Operator::Switch {
                cont_type_index,
                tag_index,
            } => {
                operands += 2 * self.type_operands(Some(*cont_type_index));
                operands += self.tag_operands(*tag_index);
            }
            Operator::Resume {
                cont_type_index: ty,
                resume_table,
            }
            | Operator::ResumeThrow {
                cont_type_index: ty,
                resume_table,
                ..
            }
            | Operator::ResumeThrowRef {
                cont_type_index: ty,
                resume_table,
            } => {
                labels = resume_table.handlers.len() as u64;
                operands += self.of_handlers(*ty, resume_table);
            }
            _ => {}
        }
        Ok(COMPLEX + LABEL * labels + self.operand.saturating_mul(operands))
    }

    fn of_catches(&self, table: &TryTable) -> u64 {
        let catches = table.catches.iter();
        let operands = catches.map(|catch| match catch {
            Catch::One { tag, .. } | Catch::OneRef { tag, .. } => 1 + self.tag_operands(*tag),
            Catch::All { .. } | Catch::AllRef { .. } => 1,
        });
        operands.sum()
    }

    fn of_handlers(&self, continuation: u32, table: &ResumeTable) -> u64 {
        let continuation = self.type_operands(Some(continuation));
        let handlers = table.handlers.iter();
        let operands = handlers.map(|handler| match handler {
            Handle::OnLabel { tag, label } => {
                2 * (continuation + self.tag_operands(*tag)) + self.label_operands(*label)
            }
            Handle::OnSwitch { tag } => 2 * (continuation + self.tag_operands(*tag)),
        });
        operands.sum()
    }

    /// Returns the number of operands that a branch to a label takes, or 0 if the label does not exist.
    fn label_operands(&self, depth: u32) -> u64 {
        // `label_block` would panic after the last `end`, because there is no label.
        if self.validator.control_stack_height() == 0 {
            return 0;
        }
        match self.validator.label_block(depth) {
            Some((BlockType::FuncType(ty), _)) => self.type_operands(Some(ty)),
            Some((BlockType::Type(_), FrameKind::Loop)) | Some((BlockType::Empty, _)) | None => 0,
            Some((BlockType::Type(_), _)) => 1,
        }
    }

    fn tag_operands(&self, tag: u32) -> u64 {
        let (params, results) = self.validator.tag_type_arity(tag).unwrap_or_default();
        u64::from(params) + u64::from(results)
    }

    /// Returns the number of parameters and results of a function type, or the number of fields of a struct type, or 0 if the type does not
    /// exist.
    fn type_operands(&self, index: Option<u32>) -> u64 {
        let ty = index.and_then(|index| self.validator.sub_type_at(index));
        match ty.map(|ty| &ty.composite_type.inner) {
            Some(CompositeInnerType::Func(ty)) => (ty.params().len() + ty.results().len()) as u64,
            Some(CompositeInnerType::Struct(ty)) => ty.fields.len() as u64,
            Some(CompositeInnerType::Cont(ty)) => self
                .validator
                .func_type_of_cont_type(ty)
                .map_or(0, |ty| (ty.params().len() + ty.results().len()) as u64),
            Some(CompositeInnerType::Array(_)) | None => 0,
        }
    }
}
