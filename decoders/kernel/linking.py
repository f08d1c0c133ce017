"""How numba makes machine code of many functions: all of them in one go, and only where they end.

By itself numba makes each function, and all that it calls, into machine code of its own, so that
what lies ten calls deep is optimised ten times. Here a *part* stays in LLVM's language, as it was
written; a *whole*, which Python calls, takes in every part once, hides them from outside, so that
LLVM may change how they are called, and is optimised and made into machine code alone.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

from typing import Any, Final

from llvmlite import binding  # type: ignore[import-untyped]
from numba._dynfunc import make_function  # type: ignore[import-not-found]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import IRLegalization, NativeLowering

_SHARED: Final = "linkonce_odr"


class _PartLibrary(JITCodeLibrary):
    """LLVM's language of one function, with the libraries that it calls not yet taken in."""

    def add_llvm_module(self, ll_module: Any) -> None:
        """Takes in what a function was written as."""
        self._final_module.link_in(ll_module)

    def finalize(self) -> None:
        """There is nothing more to be done."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


class _WholeLibrary(JITCodeLibrary):
    """One function that Python calls, and all that it leads to."""

    def finalize(self) -> None:
        """Takes in each library once, optimises, and makes machine code."""
        self._raise_if_finalized()
        for library in _all_of(self):
            self._reload_init.update(library._reload_init)  # noqa: SLF001  as numba's own
            shared = library._get_module_for_linking()  # noqa: SLF001
            self._final_module.link_in(shared, preserve=True)
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == _SHARED:
                function.linkage = binding.Linkage.internal
        self._optimize_final_module()
        self._final_module.verify()
        self._finalize_final_module()


def _all_of(library: Any) -> list[Any]:
    """The libraries that one leads to, each once."""
    found: dict[int, Any] = {}
    waiting = list(library._linking_libraries)  # noqa: SLF001
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            if isinstance(one, _PartLibrary):
                waiting.extend(one._linking_libraries)  # noqa: SLF001
    return list(found.values())


@register_pass(mutates_CFG=False, analysis_only=True)
class _AsPart(LoweringPass):
    """Has a function become a part."""

    _name = "xinling_as_part"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Chooses the library, and that no machine code is made."""
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _KnowPart(LoweringPass):
    """Tells who calls a part where it is, though it cannot be called from Python."""

    _name = "xinling_know_part"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Puts it under a key of its own among the functions that are known."""
        lowered, library = state["cr"], state.library
        known = lowered.fndesc
        key = make_function(known.lookup_module(), known.qualname, "", 0, lowered.env, (library,))
        state.targetctx.insert_user_function(key, known, [library])
        state["cr"] = lowered._replace(cfunc=key)
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _AsWhole(LoweringPass):
    """Has a function become a whole."""

    _name = "xinling_as_whole"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Chooses the library."""
        state.library = _WholeLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


class PartCompiler(CompilerBase):
    """For functions that only compiled functions call."""

    def define_pipelines(self) -> list[Any]:
        """Numba's own steps, and ours around the last but one."""
        made = DefaultPassBuilder.define_nopython_pipeline(self.state)
        made.add_pass_after(_KnowPart, NativeLowering)
        made.add_pass_after(_AsPart, IRLegalization)
        made.finalize()
        return [made]


class WholeCompiler(CompilerBase):
    """For functions that Python calls."""

    def define_pipelines(self) -> list[Any]:
        """Numba's own steps, and ours before the last but one."""
        made = DefaultPassBuilder.define_nopython_pipeline(self.state)
        made.add_pass_after(_AsWhole, IRLegalization)
        made.finalize()
        return [made]
