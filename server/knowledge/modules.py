"""What the module classes of torch and of well-known libraries are: bases, state, containers, quantized or not.

Source: the installed packages, read by `scripts/generate_torch_tables.py`; what inspection cannot tell (state under
*any* constructor arguments, result kinds) is written here and checked by `tests/oracle/test_knowledge.py`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from .data import Signature, parse_signature, table, words
from .names import canonical

Result = Literal["tensor", "tuple", "same", "unknown"]
Container = Literal["", "sequential", "list", "dict", "parameter list", "parameter dict"]


class ModuleClass(NamedTuple):
    """A module class.

    path: its canonical name (`torch.nn.ReLU`).
    bases: canonical names of all its bases that are modules, nearest first, `torch.nn.Module` last.
    signature: the constructor's parameters without `self`.
    stateless: it has no parameters and no buffers, whatever the constructor is given.
    parametric: it has parameters with default constructor arguments.
    result: what calling it yields ("same": what it is given); "unknown" where the arguments decide.
    container: how it holds modules or parameters, "" for a layer.
    childless: it has no submodules, whatever the constructor is given (AIMET: a leaf).
    deconvolution, dropout, identity, activation, normalization, batch_norm, convolution, recurrent: its family;
        batch_norm and instance norm are normalization too.
    quantized: quantsim has a quantized definition for it, or leaves it alone on purpose (AIMET 2.42).
    """

    path: str
    bases: tuple[str, ...]
    signature: Signature
    stateless: bool
    parametric: bool
    result: Result
    container: Container
    childless: bool
    deconvolution: bool
    dropout: bool
    identity: bool
    activation: bool
    normalization: bool
    batch_norm: bool
    convolution: bool
    recurrent: bool
    quantized: bool


_CONTAINERS: dict[str, Container] = {
    "torch.nn.Sequential": "sequential",
    "torch.nn.ModuleList": "list",
    "torch.nn.ModuleDict": "dict",
    "torch.nn.ParameterList": "parameter list",
    "torch.nn.ParameterDict": "parameter dict",
}

# Classes that hold other modules. Everything else in torch.nn is a leaf.
_WITH_CHILDREN = words("""torch.nn.Module torch.nn.Container torch.nn.Sequential torch.nn.ModuleList torch.nn.ModuleDict
    torch.nn.AdaptiveLogSoftmaxWithLoss torch.nn.LinearCrossEntropyLoss torch.nn.TripletMarginWithDistanceLoss
    torch.nn.MultiheadAttention torch.nn.Transformer torch.nn.TransformerDecoder
    torch.nn.TransformerDecoderLayer torch.nn.TransformerEncoder torch.nn.TransformerEncoderLayer torch.nn.DataParallel
    torch.nn.parallel.distributed.DistributedDataParallel torchvision.ops.Conv2dNormActivation
    torchvision.ops.Conv3dNormActivation torchvision.ops.FeaturePyramidNetwork torchvision.ops.MLP
    torchvision.ops.SqueezeExcitation torchvision.ops.misc.ConvNormActivation
    """)

# Parameters with default arguments, by base class; the classes derived from these have them too.
_PARAMETRIC = frozenset(
    f"torch.nn.{name}"
    for name in words("""Linear Bilinear LazyLinear Embedding EmbeddingBag PReLU LayerNorm GroupNorm RMSNorm
    MultiheadAttention Transformer TransformerDecoderLayer TransformerEncoderLayer
    AdaptiveLogSoftmaxWithLoss LinearCrossEntropyLoss RNNCellBase""")
) | words("""torch.nn.modules.conv._ConvNd torch.nn.RNNBase torch.nn.modules.batchnorm._BatchNorm
    torchvision.ops.DeformConv2d torchvision.ops.Conv2dNormActivation torchvision.ops.Conv3dNormActivation
    torchvision.ops.misc.ConvNormActivation torchvision.ops.MLP torchvision.ops.SqueezeExcitation
    torchvision.ops.FeaturePyramidNetwork""")

# State that depends on the constructor's arguments, or buffers only.
_STATEFUL = words("""torch.nn.modules.batchnorm._NormBase torch.nn.modules.loss._WeightedLoss torch.nn.BCEWithLogitsLoss
    torch.nn.TransformerDecoder torch.nn.TransformerEncoder torch.nn.DataParallel torch.nn.Module torch.nn.Container
    torch.nn.Sequential torch.nn.ModuleList torch.nn.ModuleDict torch.nn.ParameterList torch.nn.ParameterDict
    torch.nn.parallel.distributed.DistributedDataParallel torchvision.ops.misc.FrozenBatchNorm2d
    torchvision.ops.FrozenBatchNorm2d torch.nn.TripletMarginWithDistanceLoss""")

_TUPLES = words("""torch.nn.MultiheadAttention torch.nn.LSTM torch.nn.GRU torch.nn.RNN torch.nn.LSTMCell
    torch.nn.AdaptiveLogSoftmaxWithLoss torch.nn.RNNBase""")

# Lists in, lists out; or whatever the wrapped modules give.
_UNKNOWN_RESULT = words("""
    torch.nn.Module torch.nn.Container torch.nn.Sequential torch.nn.ModuleList torch.nn.ModuleDict
    torch.nn.ParameterList torch.nn.ParameterDict torch.nn.DataParallel
    torch.nn.parallel.distributed.DistributedDataParallel torchvision.ops.FeaturePyramidNetwork""")

_DROPOUTS = words("""torch.nn.modules.dropout._DropoutNd torchvision.ops.StochasticDepth torchvision.ops.DropBlock2d
    torchvision.ops.DropBlock3d timm.layers.DropPath""")
_ACTIVATION_MODULE = frozenset(
    f"torch.nn.{name}"
    for name in words("""CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax
    Mish PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink
    Threshold""")
)
_NORMALIZATION = words("""torch.nn.modules.batchnorm._NormBase torch.nn.LayerNorm torch.nn.GroupNorm torch.nn.RMSNorm
    torch.nn.LocalResponseNorm torch.nn.CrossMapLRN2d torchvision.ops.FrozenBatchNorm2d
    torchvision.ops.misc.FrozenBatchNorm2d""")
_BATCH_NORM = words("""torch.nn.modules.batchnorm._BatchNorm torchvision.ops.FrozenBatchNorm2d
    torchvision.ops.misc.FrozenBatchNorm2d""")
_DECONVOLUTION = "torch.nn.modules.conv._ConvTransposeNd"


@cache
def module_class(dotted: str) -> ModuleClass | None:
    """The module class of torch.nn, torchvision.ops or timm of that name, by whichever path it is imported."""
    path = canonical(dotted)
    entry = table("module_classes")["classes"].get(path)
    if entry is None:
        return None
    bases = tuple(entry["bases"])
    family = {path, *bases}
    kind = path.rpartition(".")[2]
    parametric = not family.isdisjoint(_PARAMETRIC)
    instance_norm = "InstanceNorm" in kind
    result: Result = "tensor"
    if path == "torch.nn.Identity":
        result = "same"
    elif path in _TUPLES:
        result = "tuple"
    elif path in _UNKNOWN_RESULT or "return_indices" in entry["signature"]:
        result = "unknown"
    container: Container = next((_CONTAINERS[p] for p in (path, *bases) if p in _CONTAINERS), "")
    return ModuleClass(
        path=path,
        bases=bases,
        signature=parse_signature(entry["signature"]),
        stateless=not parametric
        and not instance_norm
        and path not in _STATEFUL
        and family.isdisjoint(_STATEFUL - _ROOTS),
        parametric=parametric and not kind.startswith("_"),
        result=result,
        container=container,
        childless=family.isdisjoint(_WITH_CHILDREN - _ROOTS) and path not in _ROOTS,
        deconvolution=_DECONVOLUTION in family,
        dropout=not family.isdisjoint(_DROPOUTS),
        identity=path == "torch.nn.Identity",
        activation=path in _ACTIVATION_MODULE,
        normalization=not family.isdisjoint(_NORMALIZATION),
        batch_norm=not family.isdisjoint(_BATCH_NORM),
        convolution="torch.nn.modules.conv._ConvNd" in family,
        recurrent=not family.isdisjoint(_RECURRENT),
        quantized="quantized" in entry,
    )


_ROOTS = frozenset({"torch.nn.Module"})
_RECURRENT = frozenset({"torch.nn.RNNBase", "torch.nn.RNNCellBase"})


def module_attributes() -> frozenset[str]:
    """Every attribute name an `nn.Module` instance has; a new submodule must not take one."""
    return _module_attributes()


@lru_cache(maxsize=1)
def _module_attributes() -> frozenset[str]:
    return frozenset(table("module_classes")["module_attributes"])


def __getattr__(name: str) -> frozenset[str]:
    # MODULE_ATTRIBUTES reads its table when it is first used, not at import.
    if name == "MODULE_ATTRIBUTES":
        return _module_attributes()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_LIGHTNING = frozenset(
    f"{package}.{name}"
    for package in ("lightning", "pytorch_lightning", "lightning.pytorch")
    for name in (
        "LightningModule",
        "core.LightningModule",
        "core.module.LightningModule",
        "core.lightning.LightningModule",
    )
) | {"lightning.fabric.wrappers._FabricModule"}

# transformers has thousands of model classes in modules named `modeling_<model>`; what else these modules define
# (outputs, configurations, functions) ends in one of the excluded words.
_TRANSFORMERS_PUBLIC = (
    r"transformers\.(?:[\w.]+\.)?(?:modeling_utils\.)?"
    r"(?:PreTrainedModel|[A-Z]\w*(?:PreTrainedModel|Model|For[A-Z]\w*|LMHeadModel|Backbone|WithLMHead\w*))"
)
_TRANSFORMERS_PRIVATE = r"transformers\.models\.\w+\.modeling_(?!tf_|flax_)\w+\.[A-Z]\w*"
_SEGMENTATION = words("""
    SegmentationModel SegmentationHead ClassificationHead Unet UnetPlusPlus MAnet Linknet FPN PSPNet PAN DeepLabV3
    DeepLabV3Plus UPerNet Segformer DPT UnetDecoder UnetPlusPlusDecoder MAnetDecoder LinknetDecoder FPNDecoder
    PSPDecoder PANDecoder DeepLabV3Decoder DeepLabV3PlusDecoder UPerNetDecoder SegformerDecoder DPTDecoder Conv2dReLU
    SCSEModule ArgMax Clamp Activation Attention""")
_NOT_MODULES = r"(?:Config|Output|Outputs|OutputWithPast|Cache|Tokenizer|Processor|Mixin|Function|Info|Kwargs)$"


# What the models of OpenMMLab derive from: it only adds how weights are initialised (mmengine 0.10, mmcv 1).
_OPENMMLAB = frozenset(
    f"{package}.{name}"
    for package in ("mmengine.model", "mmcv.runner")
    for name in ("BaseModule", "base_module.BaseModule")
)


_FLOAT_FUNCTIONAL = frozenset(
    f"torch.{package}.{name}"
    for package in ("ao.nn.quantized", "ao.nn.quantized.modules", "ao.nn.quantized.modules.functional_modules")
    for name in ("FloatFunctional", "FXFloatFunctional")
) | {"torch.nn.quantized.FloatFunctional", "torch.nn.quantized.modules.FloatFunctional"}
_OF_FLOATS = {
    "add": "torch.add",
    "add_relu": "torch.ao.nn.quantized.FloatFunctional.add_relu",
    "add_scalar": "torch.add",
    "cat": "torch.cat",
    "matmul": "torch.matmul",
    "mul": "torch.mul",
    "mul_scalar": "torch.mul",
}


_STUBS = frozenset(
    f"torch.{package}.{name}"
    for package in ("quantization", "quantization.stubs", "ao.quantization", "ao.quantization.stubs")
    for name in ("QuantStub", "DeQuantStub")
)
# What quantsim does not know of, of the layers without submodules (AIMET 2.42), with the parameters of their `forward`
# that are quantized where somebody registers them.
UNKNOWN_TO_QUANTSIM: dict[str, tuple[str, ...]] = {
    "torch.nn.RMSNorm": ("x",),
    "torch.nn.LPPool3d": ("input",),
    "torchvision.ops.DropBlock2d": (),
    "torchvision.ops.DropBlock3d": (),
    "torchvision.ops.FrozenBatchNorm2d": ("x",),
    "torchvision.ops.Permute": (),
    "torchvision.ops.StochasticDepth": (),
    "timm.layers.DropPath": (),
    **dict.fromkeys(_STUBS, ()),
}


def unknown_to_quantsim(dotted: str) -> tuple[str, ...] | None:
    """For a library's class for which quantsim raises UnknownModuleError the tensors it computes with, in their order.

    Empty where it passes on what it is given in eval mode; None for other classes.
    """
    return UNKNOWN_TO_QUANTSIM.get(canonical(dotted))


def float_functional(dotted: str, method: str) -> str | None:
    """The function that a method of torch's `FloatFunctional` calls; the method itself where it calls two.

    Only its methods are called, never the module, so that AIMET sees an operation and no module (measured on AIMET
    2.42: its validator lists all of these).
    """
    return _OF_FLOATS.get(method) if dotted in _FLOAT_FUNCTIONAL else None


def is_bare_base(dotted: str) -> bool:
    """Whether a base brings no weights, children and `forward`: `nn.Module`, and what only adds training to it."""
    return dotted == "torch.nn.Module" or dotted in _LIGHTNING or dotted in _OPENMMLAB


@lru_cache(maxsize=4096)
def is_module_base(dotted: str) -> bool:
    """Whether that name is known to be a subclass of `nn.Module`: torch, torchvision, timm, transformers, lightning,
    OpenMMLab.

    For the libraries whose classes are listed in the generated table the list decides; for transformers, too large
    to list, the naming of its `modeling_` modules does.
    """
    path = canonical(dotted)
    if path in table("module_classes")["classes"] or path in _LIGHTNING | _OPENMMLAB | _FLOAT_FUNCTIONAL | _STUBS:
        return True
    if path.startswith("transformers."):
        match = re.fullmatch(_TRANSFORMERS_PUBLIC, path) or re.fullmatch(_TRANSFORMERS_PRIVATE, path)
        return bool(match) and not re.search(_NOT_MODULES, path)
    if path.startswith("segmentation_models_pytorch."):
        return path.rpartition(".")[2] in _SEGMENTATION
    return path in _external()


@lru_cache(maxsize=1)
def _external() -> frozenset[str]:
    return frozenset(table("external_modules")["names"])
