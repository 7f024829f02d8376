"""AIMET303: which classes quantsim does not know, and what registers them.

That quantsim raises UnknownModuleError for just these classes was seen on AIMET 2.42.
"""

from __future__ import annotations

import ast

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all, repair_edits
from aimet_guidelines.finding import Finding, Severity
from aimet_guidelines.rewriting import apply_edits

from .checking import findings

_PATH = "/project/model.py"
_HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"


def _findings(source: str, others: dict[str, str] | None = None, version: str = "unknown") -> list[Finding]:
    project = Project.empty("/project").updated({_PATH: source, **(others or {})})
    config = Config(root="/project", select=("AIMET303",), aimet_version=version)  # type: ignore[arg-type]
    return check(_PATH, project, config).findings


def _named(source: str, others: dict[str, str] | None = None) -> list[str]:
    return [finding.symbol for finding in _findings(_HEAD + source, others)]


@pytest.mark.parametrize(
    ("init", "forward", "expected"),
    [
        ("self.of = of", "self.of.stem(x) * 2", []),
        ("self.of: Head = Head(of)", "self.of(x) * 2", []),
        ("self.of = Head(of)", "x * self.of.scale", []),
        ("self.of = of", "x * self.of", ["A"]),
        ("self.of = Plain()", "self.of(x) * 2", ["A"]),
    ],
)
@pytest.mark.parametrize("alias", [False, True])
def test_what_may_be_a_module_is_a_submodule(init: str, forward: str, expected: list[str], alias: bool) -> None:
    before = "of = self.of  # kept\n        return " if alias else "return "
    source = (
        "from somewhere import Base\n\n\nclass Head(Base):\n    pass\n\n\nclass Plain:\n"
        "    def __call__(self, x):\n        return x + 1\n\n\n"
        "class A(nn.Module):\n    def __init__(self, of):\n        super().__init__()\n"
        f"        {init}\n\n    def forward(self, x):\n"
        f"        {before}{forward.replace('self.of', 'of') if alias else forward}\n"
    )
    assert _named(source) == expected


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ("x.view(x.size(0), -1)", "Leave"),
        ("x.flatten(1).transpose(1, 2).reshape(x.shape[0], x.size()[1], -1)", "Leave"),
        ("x.view(x.size(0), -1) * 2", "Register"),
        ("x.sum(1).view(x.size(0), -1)", "Register"),
    ],
)
def test_what_only_moves_data_is_first_left_out(body: str, first: str) -> None:
    source = f"class A(nn.Module):\n    def forward(self, x):\n        return {body}\n"
    (finding,) = _findings(_HEAD + source)
    assert finding.repairs[0].title.startswith(first)


def test_a_static_forward_takes_all_its_parameters() -> None:
    source = _HEAD + "class A(nn.Module):\n    @staticmethod\n    def forward(x, y):\n        return x / y\n"
    text = _repaired(source, "Register")
    assert "    def forward(self, x, y):\n" in text
    assert "super().forward(x, y)\n" in text
    assert text.count("is not None") == 3


def _repaired(source: str, title: str) -> str:
    project = Project.empty("/project").updated({_PATH: source})
    config = Config(root="/project", select=("AIMET303",))
    (finding,) = check(_PATH, project, config).findings
    repair = next(each for each in finding.repairs if each.title.startswith(title))
    edits = repair_edits(_PATH, project, config, finding, repair)
    return apply_edits(source, edits[_PATH])


@pytest.mark.parametrize(
    "body",
    [
        "class A(nn.Conv2d):\n    pass\n",
        "class A(nn.ReLU):\n    pass\n",
        "class A(nn.Dropout):\n    pass\n",
        "class A(nn.Module):\n    def forward(self, x):\n        return x\n",
        "class A(nn.Module):\n    def forward(self, x):\n        return F.gelu(x)\n",
        "class A(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.act = None\n\n"
        "    def forward(self, x):\n        return x * 2\n",
        "class A(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n        self.dim = dim\n\n"
        "    def forward(self, x, y):\n        return torch.cat([x, y], self.dim)\n",
    ],
)
def test_a_class_without_submodules_is_unknown_to_quantsim(body: str) -> None:
    assert _named(body) == ["A"]


@pytest.mark.parametrize(
    "body",
    [
        "class A(nn.Identity):\n    pass\n",
        "class A(nn.Sequential):\n    pass\n",
        "class A(nn.Module):\n    pass\n",
        "class A(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.g = nn.ParameterList([nn.Parameter(torch.ones(1))])\n\n"
        "    def forward(self, x):\n        return x * self.g[0]\n",
        "class A(nn.Module):\n    def __init__(self, fn):\n        super().__init__()\n        self.fn = fn\n\n"
        "    def forward(self, x):\n        return self.fn(x) + x\n",
        "class A(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = None\n\n"
        "    def reset(self, n):\n        self.fc = nn.Linear(4, n)\n\n"
        "    def forward(self, x):\n        return x * 2\n",
        "class A(nn.Module):\n    def forward(self, x):\n        raise NotImplementedError\n",
        "class A(nn.MSELoss):\n    pass\n",
        "class RandomNoise(nn.Module):\n    def forward(self, img):\n        return img + 1\n",
    ],
)
def test_what_quantsim_steps_over_or_cannot_be_told_is_not_reported(body: str) -> None:
    assert _named(body) == []


def test_a_class_that_only_serves_as_a_base_is_not_reported() -> None:
    base = "class Base(nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    assert _named(base) == ["Base"]
    child = "\n\nclass Child(Base):\n    pass\n"
    assert _named(base + child) == ["Child"]
    assert _named(base + child + "\n\nnet = Base()\n") == ["Base", "Child"]


def test_a_loss_is_reported_where_a_model_holds_it() -> None:
    loss = "class DiceLoss(nn.Module):\n    def forward(self, x, target):\n        return (x * target).sum()\n"
    holder = (
        "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.l = DiceLoss()\n"
    )
    assert _named(loss) == []
    assert _named(loss + holder) == ["DiceLoss"]


@pytest.mark.parametrize(
    "held",
    [
        "class Net(nn.Module):\n    def __init__(self, zoo):\n        super().__init__()\n"
        "        self.zoo = zoo\n        self.l = self.zoo.DiceLoss()\n\n\nnet = Net(model)\n",
        "class Net(nn.Module):\n    def __init__(self, zoo=model):\n        super().__init__()\n"
        "        self.l = zoo.DiceLoss()\n",
    ],
)
def test_a_loss_is_reported_where_a_model_makes_it_through_an_object(held: str) -> None:
    loss = "class DiceLoss(nn.Module):\n    def forward(self, x, target):\n        return (x * target).sum()\n"
    other = "import model\nfrom torch import nn\n\n\n" + held
    assert _named(loss, {"/project/other.py": other}) == ["DiceLoss"]
    assert _named(loss, {"/project/other.py": other.replace("DiceLoss", "OtherLoss")}) == []


@pytest.mark.parametrize(
    "lines",
    [
        "loss = Overlap()\nnet = Net(loss)\nloss = nn.MSELoss()",
        "loss = None\nif deep:\n    loss = Overlap()\nelse:\n    loss = nn.MSELoss()\nnet = Net(loss)",
        "loss = Overlap() if deep else None\nnet = Net(losses=[loss])",
        "first = Overlap()\nloss = first\nfirst = loss\nnet = Net(loss=loss)",
        "net = Net({'dice': Overlap()})",
    ],
)
def test_a_loss_is_reported_where_a_function_gives_it_to_a_model(lines: str) -> None:
    loss = "class Overlap(nn.Module):\n    def forward(self, x, target):\n        return (x * target).sum()\n"
    made = "\n\ndef make(deep):\n" + "".join(f"    {line}\n" for line in lines.split("\n")) + "    return net\n"
    assert _named(loss + made) == ["Overlap"]
    assert _named(loss + made.replace("Net(", "fit(")) == []
    assert _named(loss + made.replace("Net(", "nn.DataParallel(")) == []
    assert _named(loss + "\n\nclass Net:\n    pass\n" + made) == []


def test_a_loss_is_better_left_out_of_quantization() -> None:
    source = (
        "import pytorch_lightning as pl\n\n\n"
        "class FocalLoss(nn.Module):\n    def forward(self, x, target):\n        return (x - target).sum()\n\n\n"
        "class Net(pl.LightningModule):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n        self.loss = FocalLoss()\n        self.l1 = nn.L1Loss()\n\n"
        "    def forward(self, x):\n        return self.fc(x)\n\n"
        "    def training_step(self, batch, _):\n        return self.loss(self(batch[0]), batch[1])\n"
    )
    (finding,) = _findings(_HEAD + source)
    assert finding.symbol == "FocalLoss"
    assert "whether or not `forward` calls it" in finding.message
    assert [repair.title.split()[0] for repair in finding.repairs] == ["Leave", "Register"]


def test_a_class_registered_in_another_file_is_known() -> None:
    source = "class A(nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    other = "from aimet_torch.nn import QuantizationMixin\nfrom model import A\n\n"
    assert _named(source, {"/project/quant.py": other + "QuantizationMixin.ignore(A)\n"}) == []
    assert _named(source, {"/project/quant.py": other + "QuantizationMixin.ignore_unknown_modules()\n"}) == []
    assert _named(source, {"/project/quant.py": other}) == ["A"]


def test_it_is_an_error_where_aimet_is_known_to_be_2() -> None:
    source = _HEAD + "class A(nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    assert [each.severity for each in _findings(source, version="2.x")] == [Severity.ERROR]
    assert [each.severity for each in _findings(source)] == [Severity.WARNING]
    (old,) = _findings(source, version="1.x")
    assert (old.severity, old.repairs) == (Severity.WARNING, ())


def test_a_nested_class_has_no_repair() -> None:
    source = (
        "def make():\n    class A(nn.Module):\n        def forward(self, x):\n            return x * 2\n\n"
        "    return A()\n"
    )
    (finding,) = _findings(_HEAD + source)
    assert finding.repairs == ()
    assert "no repair" in finding.message


def test_the_finding_stands_on_the_name_of_the_class() -> None:
    (finding,) = _findings(_HEAD + "@final\nclass  A(nn.Module):\n    def forward(self, x):\n        return x * 2\n")
    assert finding.span[:4] == (6, 7, 6, 8)


def test_an_operation_with_a_torch_module_is_named() -> None:
    (finding,) = _findings(_HEAD + "class A(nn.Module):\n    def forward(self, x):\n        return F.gelu(x)\n")
    assert "use `nn.GELU`" in finding.message


def test_each_tensor_gets_a_place_for_a_quantizer() -> None:
    source = _HEAD + (
        "class _Two(nn.Module):\n    def forward(self, x, size: int, mask: torch.Tensor = None, *, y=None):\n"
        "        return x[:, :size], x * 2\n"
    )
    text = _repaired(source, "Register")
    stub = text[text.index("@QuantizationMixin") :]
    tree = ast.parse(stub).body[0]
    assert isinstance(tree, ast.ClassDef)
    assert tree.name == "_QuantizedTwo"
    assert "self.input_quantizers = nn.ModuleList([None, None, None, None])" in stub
    assert "self.output_quantizers = nn.ModuleList([None, None])" in stub
    assert "def forward(self, x, size, mask=None, *, y=None):" in stub
    assert "self.input_quantizers[1]" not in stub
    assert "super().forward(x, size, mask, y=y)" in stub


def test_the_end_of_a_forward_that_nobody_means_to_reach_is_no_output() -> None:
    source = _HEAD + (
        "class Norm(nn.Module):\n    def forward(self, x):\n        if self.last:\n"
        "            return F.layer_norm(x, (4,))\n        elif self.first:\n            return x - x.mean(1, True)\n"
    )
    assert "self.output_quantizers = nn.ModuleList([None])" in _repaired(source, "Register")
    (finding,) = _findings(source.replace("return x - x.mean(1, True)", "return None"))
    assert [repair.title.split()[0] for repair in finding.repairs] == ["Leave"]


def test_a_registration_does_not_take_a_name_that_is_in_use() -> None:
    source = _HEAD + "QuantizedA = 1\n\n\nclass A(nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    assert "class QuantizedA2(QuantizationMixin, A):" in _repaired(source, "Register")


def test_no_registration_where_the_number_of_inputs_is_not_known() -> None:
    source = "class A(nn.Module):\n    def forward(self, *xs):\n        return torch.stack(xs)\n"
    (finding,) = _findings(_HEAD + source)
    assert [repair.title.split()[0] for repair in finding.repairs] == ["Leave"]


def test_what_fills_in_an_abstract_class_is_reported() -> None:
    source = (
        "import abc\n\nfrom torch import nn\n\n\nclass Base(abc.ABC, nn.Module):\n    @abc.abstractmethod\n"
        "    def scale(self):\n        return 1\n\n    def forward(self, x):\n        return x * self.scale() + x\n\n\n"
        "class Double(Base):\n    def scale(self):\n        return 2\n"
    )
    assert [each.symbol for each in findings("AIMET303", source)] == ["Double"]


def test_a_class_that_registers_a_module_by_hand_is_a_container() -> None:
    source = (
        "from torch import nn\n\n\nclass Outputs(nn.Module):\n    def __init__(self, wrapped):\n"
        "        super().__init__()\n        self._modules['0'] = wrapped\n\n"
        "    def forward(self, x):\n        return [self._modules['0'](x)]\n"
    )
    assert findings("AIMET303", source) == []


_LAYERS = (
    "from torch.ao.quantization import DeQuantStub, QuantStub\nfrom torchvision.ops import StochasticDepth\n\n\n"
    "class Net(nn.Module):\n    def __init__(self, norm_layer=nn.RMSNorm):\n        super().__init__()\n"
    "        self.fc = nn.Linear(4, 4)\n        self.quant, self.back = QuantStub(), DeQuantStub()\n"
    "        self.norm = nn.RMSNorm(4)\n        self.drop = StochasticDepth(0.1, 'row')\n"
    "        self.other = norm_layer(4)\n\n    def forward(self, x):\n"
    "        return self.back(self.drop(self.other(self.norm(self.fc(self.quant(x))))))\n"
)


def test_a_library_s_layer_is_reported_where_it_is_made() -> None:
    assert _named(_LAYERS) == ["QuantStub", "DeQuantStub", "nn.RMSNorm", "StochasticDepth"]
    other = "from aimet_torch.nn import QuantizationMixin\nfrom torch import nn\n\nimport model\n\n"
    registered = "\n\nQuantizationMixin.ignore(StochasticDepth)\n"
    assert _named(_LAYERS + registered) == ["QuantStub", "DeQuantStub", "nn.RMSNorm"]
    elsewhere = {"/project/quant.py": other + "QuantizationMixin.ignore(nn.RMSNorm)\n"}
    assert _named(_LAYERS, elsewhere) == ["QuantStub", "DeQuantStub", "StochasticDepth"]


def test_a_library_s_layer_is_registered_once() -> None:
    source = _HEAD + (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a, self.b = nn.RMSNorm(4), nn.RMSNorm(4)\n        self.drop = StochasticDepth(0.1, 'row')\n\n"
        "    def forward(self, x):\n        return self.drop(self.b(self.a(x)))\n"
    )
    source = source.replace("from torch import nn", "from torch import nn\nfrom torchvision.ops import StochasticDepth")
    project = Project.empty("/project").updated({_PATH: source})
    config = Config(root="/project", select=("AIMET303",))
    text = fix_all(_PATH, project, config, lambda finding, repair: True).text
    assert text.count("@QuantizationMixin.implements(nn.RMSNorm)\nclass QuantizedRMSNorm(") == 1
    assert text.count("QuantizationMixin.ignore(StochasticDepth)\n") == 1
    assert not _findings(text)


_SCALED = (
    "class Scaled(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.width = {}\n\n"
    "    def forward(self, x):\n        return torch.sigmoid(x.sum(1)) * self.width\n"
)


@pytest.mark.parametrize(("width", "is_registered"), [("8", False), ("nn.Parameter(torch.ones(8))", True)])
def test_a_class_is_either_made_of_modules_or_registered(width: str, is_registered: bool) -> None:
    source = _HEAD + _SCALED.format(width)
    project = Project.empty("/project").updated({_PATH: source})
    config = Config(root="/project", aimet_modules="always")
    fixed = fix_all(_PATH, project, config, lambda finding, repair: True)
    assert ("QuantizationMixin.implements(Scaled)" in fixed.text) is is_registered
    assert ("self.sigmoid = nn.Sigmoid()" in fixed.text) is not is_registered
    after = check(_PATH, Project.empty("/project").updated({_PATH: fixed.text}), config)
    assert [each.code for each in after.findings if each.code != "AIMET301"] == []


def test_a_class_whose_forward_only_raises_is_not_reported() -> None:
    base = (
        "class Encoder(nn.Module):\n    def forward(self, x):\n        {}\n\n"
        "    def reorder(self, x):\n        return x + 1\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, encoder):\n        super().__init__()\n"
        "        assert isinstance(encoder, Encoder)\n        self.encoder = encoder\n\n"
        "    def forward(self, x):\n        return self.encoder.reorder(self.encoder(x))\n"
    )
    assert not _named(base.format("raise NotImplementedError"))
    assert _named(base.format("return x * 2")) == ["Encoder"]
