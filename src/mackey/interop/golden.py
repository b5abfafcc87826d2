"""Golden files (weights, inputs and outputs of official implementations) and users' checkpoints, as our
modules.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mackey.errors import sentence
from mackey.interop import equiadapt, escnn, etn, faenet, frame_averaging, lloca

Builder = Callable[[Mapping[str, Any], Mapping[str, Tensor]], nn.Module]

SYSTEMS: dict[str, Builder] = {
    escnn.SYSTEM: escnn.build,
    etn.SYSTEM: etn.build,
    **lloca.SYSTEMS,
    **equiadapt.SYSTEMS,
    **faenet.SYSTEMS,
    **frame_averaging.SYSTEMS,
}


@dataclass(frozen=True)
class Case:
    """One golden file: our module with the official weights, and what it must reproduce."""

    system: str
    module: nn.Module
    inputs: dict[str, Tensor]
    expected: dict[str, Tensor]
    meta: dict[str, Any]

    def run(self, inputs: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Our outputs, named as the official ones, for the recorded inputs or for others of the same
        names.
        """
        given = self.inputs if inputs is None else dict(inputs)
        if set(given) != set(self.inputs):
            raise ValueError(
                sentence(
                    f"interop {self.system}",
                    wanted=f"inputs {sorted(self.inputs)}",
                    got=str(sorted(given)),
                    remedy="use the names of the golden file",
                )
            )
        with torch.no_grad():
            outputs = self.module(*(given[name] for name in self.inputs))
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        return dict(zip(self.expected, outputs, strict=True))


def from_official(system: str, config: Mapping[str, Any], state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Our module with the weights of an official checkpoint; system as in the golden files, for example
    "escnn R2Conv".
    """
    if system not in SYSTEMS:
        raise ValueError(
            sentence(
                "interop",
                wanted=f"a system among {', '.join(SYSTEMS)}",
                got=repr(system),
                remedy="add a file to mackey/interop that maps its weights",
            )
        )
    return SYSTEMS[system](config, state_dict)


def load(path: str | Path) -> Case:
    """Read a golden file. Raises ValueError, with the name, for a system that has no mapping."""
    with np.load(path, allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"])) if "meta" in archive.files else {}
        if not {"system", "args"} <= set(meta):
            raise ValueError(
                sentence(
                    f"interop {path}",
                    wanted="a golden file: an entry meta in JSON with system and args",
                    got=f"entries {', '.join(archive.files)}",
                    remedy="for a checkpoint use from_official(system, config, state_dict)",
                )
            )
        parts: dict[str, dict[str, Tensor]] = {"param": {}, "in": {}, "out": {}}
        for key in archive.files:
            part, _, name = key.partition("/")
            if part in parts:
                parts[part][name] = torch.as_tensor(archive[key])
    module = from_official(meta["system"], meta["args"], parts["param"])
    return Case(meta["system"], module.eval(), parts["in"], parts["out"], meta)
