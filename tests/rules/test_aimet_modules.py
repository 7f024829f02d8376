"""Repairs with AIMET's own modules: which need a registration, and which take the class's own weights along."""

from __future__ import annotations

from aimet_guidelines.config import AimetVersion, Config
from aimet_guidelines.engine import Project, check, fix_all
from aimet_guidelines.finding import Finding, Safety

PATH = "/project/model.py"
_IMPORTS = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"


def _project(source: str, **others: str) -> Project:
    files = {PATH: source, **{f"/project/{name}.py": text for name, text in others.items()}}
    return Project.empty("/project").updated(files)


def _config(*codes: str, version: AimetVersion = "unknown") -> Config:
    return Config(root="/project", select=codes, aimet_available=True, aimet_version=version)


def _found(code: str, source: str, version: AimetVersion = "unknown", **others: str) -> list[Finding]:
    return check(PATH, _project(source, **others), _config(code, version=version)).findings


def _repaired(source: str, *codes: str, **others: str) -> str:
    safe = fix_all(PATH, _project(source, **others), _config(*codes), lambda finding, each: each.safety is Safety.SAFE)
    return safe.text


def _attention(name: str, more: str = "") -> str:
    return (
        f"class {name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.q = nn.Linear(4, 4)\n        self.k = nn.Linear(4, 4)\n\n    def forward(self, x, mask):\n"
        "        return F.scaled_dot_product_attention(\n            self.q(x),  # what asks\n"
        f"            self.k(x), x,\n            attn_mask=mask{more},\n        )\n"
    )


def test_attention_is_registered_with_quantsim_once_in_a_file() -> None:
    text = _repaired(_IMPORTS + _attention("Block") + "\n\n" + _attention("Other"), "AIMET301")
    assert text.count("self.sdpa = ScaledDotProductAttention()") == 2
    assert text.count("@QuantizationMixin.implements(ScaledDotProductAttention)") == 1
    assert "            self.q(x),  # what asks\n            self.k(x), x,\n            attn_mask=mask,\n" in text
    assert "def forward(self, query, key, value, *args, **kwargs):\n" in text
    assert not _found("AIMET303", text) and not _found("AIMET301", text)


def test_one_registration_serves_the_files_that_import_it() -> None:
    registered = _repaired(_IMPORTS + _attention("Block"), "AIMET301")
    user = _IMPORTS.replace("import torch\n", "from .layers import Block\nimport torch\n") + _attention("Other")
    for module, text in (("layers", user), ("elsewhere", user)):
        made = _repaired(text, "AIMET301", **{module: registered})
        assert ("QuantizationMixin.implements" in made) == (module == "elsewhere")


def test_aimet_1_has_no_module_for_attention() -> None:
    (found,) = _found("AIMET301", _IMPORTS + _attention("Block"), "1.x")
    assert not found.repairs and "AIMET 1.x has no `ScaledDotProductAttention`" in found.message


def _norm(init: str, forward: str = "self.act(x)") -> str:
    return (
        f"{_IMPORTS}class NormAct(nn.BatchNorm2d):\n    def __init__(self, channels):\n"
        f"        super().__init__(channels)\n        {init}\n\n    def forward(self, x):\n"
        "        x = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)\n"
        f"        return {forward}\n"
    )


def test_a_batch_norm_over_own_weights_beside_other_modules() -> None:
    text = _repaired(_norm("self.act = nn.ReLU()"), "AIMET101")
    assert "        self.batch_norm = BatchNorm()\n" in text
    called = "self.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)"
    assert f"        x = {called}\n" in text


def test_a_batch_norm_over_own_weights_that_stays_unsafe() -> None:
    reasons = {
        "leaves its own weights unquantized": _norm("self.slope = 0.1", "x * self.slope"),
        "cannot compile AIMET's modules": _norm("self.act = nn.ReLU()") + "\n\nmade = torch.jit.script(NormAct(4))\n",
    }
    for reason, source in reasons.items():
        (found,) = _found("AIMET101", source)
        (repair,) = found.repairs
        assert repair.safety is Safety.UNSAFE and reason in repair.title


def test_a_subclass_is_given_a_name_that_its_base_is_not() -> None:
    source = (
        f"{_IMPORTS}class Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.Linear(4, 4)\n\n    def forward(self, x):\n"
        "        return F.leaky_relu(self.a(x), 0.1)\n\n\n"
        "class Net(Base):\n    def __init__(self):\n        super().__init__()\n        self.b = nn.Linear(4, 4)\n\n"
        "    def forward(self, x):\n        return F.leaky_relu(self.b(super().forward(x)), 0.2)\n"
    )
    text = _repaired(source, "AIMET101")
    assert "self.leaky_relu = nn.LeakyReLU(negative_slope=0.1)" in text
    assert "self.leaky_relu2 = nn.LeakyReLU(negative_slope=0.2)" in text
    assert "return self.leaky_relu2(self.b(super().forward(x)))" in text


def test_bases_of_one_class_are_given_different_names() -> None:
    def mixin(name: str, slope: float) -> str:
        return (
            f"class {name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            f"        self.{name.lower()} = nn.Linear(4, 4)\n\n    def forward(self, x):\n"
            f"        return F.leaky_relu(self.{name.lower()}(x), {slope})\n\n\n"
        )

    source = _IMPORTS + mixin("A", 0.1) + mixin("B", 0.2) + "class Net(A, B):\n    pass\n"
    text = _repaired(source, "AIMET101")
    assert "self.leaky_relu = nn.LeakyReLU(negative_slope=0.1)" in text
    assert "self.leaky_relu2 = nn.LeakyReLU(negative_slope=0.2)" in text


def test_a_layer_over_own_weights_follows_a_subclass_that_sets_them_anew() -> None:
    source = (
        f"{_IMPORTS}class Norm(nn.LayerNorm):\n    def forward(self, x):\n"
        "        return F.layer_norm(x.mT, self.normalized_shape, self.weight, self.bias, self.eps).mT\n\n\n"
        "class NoBias(Norm):\n    def __init__(self, channels, eps):\n        super().__init__(channels)\n"
        "        self.eps = eps\n        self.bias = None\n"
    )
    text = fix_all(PATH, _project(source), _config("AIMET101"), lambda finding, each: True).text
    assert "        self.layer_norm = nn.LayerNorm(self.normalized_shape, eps=self.eps)\n" in text
    assert "        self.eps = self.layer_norm.eps = eps\n        self.bias = self.layer_norm.bias = None\n" in text
