//! Loads a script and runs its functions, with limits on steps, memory and nesting. This code runs in the worker.

use doorward_core::operation::Operation;
use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::Evaluator;
use starlark::syntax::{AstModule, Dialect};
use starlark::values::Value;

use super::bindings::{self, MESSAGE, Misuse, Printer, Running, shorten};
use super::wire::{Call, Functions, Load, Loaded, Ran, ScriptError, ScriptLimits, ScriptOutcome};

/// Most nested calls.
const DEPTH: usize = 100;
const MIB: usize = 1024 * 1024;

/// A loaded script.
pub(super) struct Script {
    name: String,
    module: FrozenModule,
    /// Builds the model that a function receives.
    prelude: FrozenModule,
    limits: ScriptLimits,
}

/// A function receives a `struct` of functions: the script cannot replace any of them, and an unknown name is an error
/// that suggests the nearest one.
const PRELUDE: &str = "
def model(getters, setters):
    members = {'get_' + name: partial(read, name) for name in getters}
    members.update({'set_' + name: partial(write, name) for name in setters})
    return struct(**members)
";

impl Script {
    /// Parses the script and runs its top-level statements.
    pub(super) fn load(load: Load<'_>) -> Result<(Script, Loaded), ScriptError> {
        let Load { name, source, limits } = load;
        let lines = source.lines().map(str::to_owned).collect::<Vec<_>>();
        let (name, source) = (name.into_owned(), source.into_owned());
        let (module, printed) = evaluate(&name, source, &globals(), limits)?;
        let (prelude, _) = evaluate("prelude", PRELUDE.to_owned(), &bindings::access(), limits)?;
        let script = Script { name, module, prelude, limits };
        let mut functions = Functions::new();
        for function in script.module.names() {
            let line = defined(&lines, &function);
            if script.takes(&function, line)? {
                functions.insert(function.as_str().to_owned(), line);
            }
        }
        Ok((script, Loaded { functions, printed }))
    }

    /// True if the function is a hook by its name. Fails if it does not take the arguments of that hook.
    fn takes(&self, function: &str, line: u32) -> Result<bool, ScriptError> {
        let (count, form) = match function.split_once('_') {
            Some(("pre", _)) => (1, "(model)"),
            Some(("post", _)) => (2, "(model, successed)"),
            _ => return Ok(false),
        };
        let Ok(value) = self.module.get(function) else { return Ok(false) };
        let starlark::docs::DocItem::Member(starlark::docs::DocMember::Function(docs)) =
            value.value().documentation()
        else {
            return Ok(false);
        };
        let params = &docs.params;
        let places = params.pos_only.len() + params.pos_or_named.len();
        let optional = |param: &&starlark::docs::DocParam| param.default_value.is_some();
        let filled = params.pos_only.iter().chain(&params.pos_or_named).filter(optional).count();
        let fits = (places - filled..=places).contains(&count) || places < count && params.args.is_some();
        if fits && params.named_only.iter().all(|param| param.default_value.is_some()) {
            return Ok(true);
        }
        let message = format!("{function} must be written {function}{form}");
        Err(ScriptError { file: self.name.clone(), at: Some((line, 1)), message })
    }

    /// Runs one of its functions.
    pub(super) fn run(&self, call: Call<'_>) -> Ran {
        let Call { function, model, succeeded } = call;
        let operation = model.operation;
        let printer = Printer::default();
        Running::new(model.into_owned(), succeeded.is_some()).begin();
        let (result, steps) = Module::with_temp_heap(|module| {
            let mut eval = Evaluator::new(&module);
            eval.set_print_handler(&printer);
            let result = confine(&mut eval, self.limits)
                .and_then(|()| self.invoke(&mut eval, &function, operation, succeeded));
            (result.map_err(|error| fault(&self.name, &error)), eval.get_total_tick_count())
        });
        let outcome = Running::end(result).unwrap_or_else(|| ScriptOutcome::Set(Default::default()));
        Ran { outcome, printed: printer.lines(), steps }
    }

    fn invoke(
        &self,
        eval: &mut Evaluator<'_, '_, '_>,
        function: &str,
        operation: Operation,
        succeeded: Option<bool>,
    ) -> starlark::Result<()> {
        let heap = eval.heap();
        let hook = self.module.get(function).map_err(starlark::Error::new_other)?;
        let prelude = self.prelude.get("model").map_err(starlark::Error::new_other)?;
        let (hook, prelude) =
            (heap.access_owned_frozen_value(&hook), heap.access_owned_frozen_value(&prelude));
        let fields = operation.fields();
        let (getters, setters) =
            (heap.alloc(bindings::getters(&fields)), heap.alloc(bindings::setters(&fields)));
        let model = eval.eval_function(prelude, &[getters, setters], &[])?;
        let answer = match succeeded {
            None => eval.eval_function(hook, &[model], &[])?,
            Some(succeeded) => eval.eval_function(hook, &[model, Value::new_bool(succeeded)], &[])?,
        };
        if answer.is_none() || answer.ptr_eq(model) {
            return Ok(());
        }
        // The author of `return False` expects an effect, so that it must not be ignored.
        let message = format!(
            "{function} returned {}: a hook returns nothing; to refuse, it calls reject()",
            answer.get_type()
        );
        Err(starlark::Error::new_other(Misuse(message)))
    }
}

fn evaluate(
    name: &str,
    source: String,
    globals: &Globals,
    limits: ScriptLimits,
) -> Result<(FrozenModule, Vec<String>), ScriptError> {
    let dialect = Dialect {
        enable_load: false,
        enable_load_reexport: false,
        enable_keyword_only_arguments: true,
        enable_top_level_stmt: true,
        enable_f_strings: true,
        ..Dialect::Standard
    };
    let printer = Printer::default();
    let done = AstModule::parse(name, source, &dialect).and_then(|parsed| {
        Module::with_temp_heap(|module| {
            {
                let mut eval = Evaluator::new(&module);
                eval.set_print_handler(&printer);
                confine(&mut eval, limits)?;
                eval.eval_module(parsed, globals)?;
            }
            module.freeze().map_err(|error| starlark::Error::new_other(Misuse(format!("{error:?}"))))
        })
    });
    match done {
        Ok(module) => Ok((module, printer.lines())),
        Err(error) => {
            let fault = fault(name, &error);
            Err(ScriptError { message: shorten(&fault.message, MESSAGE), ..fault })
        }
    }
}

/// The line of a function's definition, counted from 1.
fn defined(lines: &[String], function: &str) -> u32 {
    let begins = |line: &String| {
        let name =
            line.strip_prefix("def ").map(str::trim_start).and_then(|line| line.strip_prefix(function));
        name.is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    lines.iter().rposition(begins).map_or(1, |line| line as u32 + 1)
}

fn confine(eval: &mut Evaluator<'_, '_, '_>, limits: ScriptLimits) -> starlark::Result<()> {
    let memory = MIB.saturating_mul(limits.memory as usize);
    eval.set_max_tick_count(limits.steps)
        .and_then(|()| eval.set_max_heap_size(memory))
        .and_then(|()| eval.set_max_callstack_size(DEPTH))
        .map_err(starlark::Error::new_other)
}

/// The globals of a script: the language, and nothing that reaches outside or differs from one run to the next.
fn globals() -> Globals {
    use LibraryExtension::{Filter, Json, Map, Partial, Print, SetType, StructType};
    GlobalsBuilder::extended_by(&[StructType, Map, Filter, Partial, Json, Print, SetType])
        .with(bindings::reject)
        .build()
}

/// The message and the position of an error. The position is in the script, not in the code that it called.
fn fault(name: &str, error: &starlark::Error) -> ScriptError {
    let span = error.span().filter(|span| span.filename() == name);
    let at = span.map(|span| {
        let begin = span.resolve_span().begin;
        (begin.line as u32 + 1, begin.column as u32 + 1)
    });
    ScriptError { file: name.to_owned(), at, message: error.without_diagnostic().to_string() }
}
