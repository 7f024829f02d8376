"""Module classes: what is known of torch.nn, torchvision and other libraries' bases."""

import pytest
from aimet_guidelines.knowledge import modules
from aimet_guidelines.knowledge.data import REQUIRED, table, words
from aimet_guidelines.knowledge.modules import is_module_base, module_class


def known(path: str) -> modules.ModuleClass:
    found = module_class(path)
    assert found is not None, path
    return found


def test_every_class_of_the_table_can_be_looked_up() -> None:
    classes = table("module_classes")["classes"]
    assert len(classes) > 150
    for path in classes:
        cls = known(path)
        assert cls.path == path
        assert path == "torch.nn.Module" or cls.bases[-1] == "torch.nn.Module"
        assert not (cls.stateless and cls.parametric), path


def test_every_alias_leads_to_a_class() -> None:
    for alias, path in table("module_classes")["aliases"].items():
        assert known(alias).path == path


@pytest.mark.parametrize(
    "dotted",
    ["torch.nn.ReLU", "torch.nn.modules.activation.ReLU", "torch.nn.modules.ReLU"],
)
def test_one_class_under_all_its_paths(dotted: str) -> None:
    assert known(dotted).path == "torch.nn.ReLU"


@pytest.mark.parametrize(
    "name", sorted(words("ReLU GELU Softmax Dropout MaxPool2d Upsample Flatten Identity ZeroPad2d"))
)
def test_stateless_leaves(name: str) -> None:
    cls = known(f"torch.nn.{name}")
    assert cls.stateless and cls.childless and not cls.parametric and not cls.container


@pytest.mark.parametrize(
    "name", sorted(words("Conv2d Linear BatchNorm2d LayerNorm PReLU Embedding LSTM ConvTranspose2d"))
)
def test_parametric_leaves(name: str) -> None:
    cls = known(f"torch.nn.{name}")
    assert cls.parametric and cls.childless and not cls.stateless


def test_state_under_some_arguments_is_state() -> None:
    assert not known("torch.nn.InstanceNorm2d").stateless
    assert not known("torch.nn.CrossEntropyLoss").stateless


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("Sequential", "sequential"),
        ("ModuleList", "list"),
        ("ModuleDict", "dict"),
        ("ParameterList", "parameter list"),
        ("ParameterDict", "parameter dict"),
        ("ReLU", ""),
    ],
)
def test_containers(name: str, container: str) -> None:
    assert known(f"torch.nn.{name}").container == container


def test_families() -> None:
    assert known("torch.nn.ConvTranspose3d").deconvolution
    assert known("torch.nn.LazyConvTranspose1d").deconvolution
    assert not known("torch.nn.Conv2d").deconvolution
    assert known("torch.nn.Conv2d").convolution
    assert known("torch.nn.AlphaDropout").dropout
    assert known("torchvision.ops.StochasticDepth").dropout
    assert known("timm.models.layers.DropPath").dropout and known("timm.layers.drop.DropPath").stateless
    assert known("torch.nn.Identity").identity
    assert known("torch.nn.SyncBatchNorm").batch_norm
    assert known("torch.nn.LayerNorm").normalization and not known("torch.nn.LayerNorm").batch_norm
    assert known("torch.nn.LeakyReLU").activation
    assert known("torch.nn.GRU").recurrent and known("torch.nn.GRU").result == "tuple"


def test_quantized() -> None:
    assert known("torch.nn.Conv2d").quantized
    assert known("torch.nn.Identity").quantized
    assert not known("torch.nn.RMSNorm").quantized
    assert not known("torchvision.ops.StochasticDepth").quantized


def test_constructor_signature() -> None:
    signature = known("torch.nn.Softplus").signature
    assert [(p.name, p.default) for p in signature] == [("beta", 1.0), ("threshold", 20.0)]
    assert known("torch.nn.MaxPool2d").signature[0].default is REQUIRED


def test_module_attributes_are_taken_names() -> None:
    names = modules.MODULE_ATTRIBUTES
    assert {"type", "float", "half", "apply", "training", "forward", "_modules", "register_buffer"} <= names
    assert "relu" not in names


@pytest.mark.parametrize(
    "dotted",
    [
        "torch.nn.Module",
        "torch.nn.modules.module.Module",
        "torchvision.models.ResNet",
        "torchvision.models.resnet.Bottleneck",
        "torchvision.models.detection.FasterRCNN",
        "timm.layers.DropPath",
        "timm.layers.drop.DropPath",
        "timm.models.vision_transformer.VisionTransformer",
        "timm.models.VisionTransformer",
        "transformers.PreTrainedModel",
        "transformers.modeling_utils.PreTrainedModel",
        "transformers.BertModel",
        "transformers.BertForSequenceClassification",
        "transformers.models.bert.modeling_bert.BertSelfAttention",
        "lightning.LightningModule",
        "pytorch_lightning.LightningModule",
        "mmengine.model.BaseModule",
        "mmcv.runner.BaseModule",
        "segmentation_models_pytorch.base.SegmentationModel",
    ],
)
def test_known_bases(dotted: str) -> None:
    assert is_module_base(dotted)


@pytest.mark.parametrize(
    "dotted",
    [
        "object",
        "torch.Tensor",
        "torch.nn.Parameter",
        "torch.nn.functional.relu",
        "torch.utils.data.Dataset",
        "torch.autograd.Function",
        "torchmetrics.Metric",
        "torchvision.models.resnet.ResNet18_Weights",
        "transformers.BertConfig",
        "transformers.BertTokenizer",
        "transformers.modeling_outputs.BaseModelOutput",
        "transformers.models.bert.modeling_bert.BertForPreTrainingOutput",
        "timm.layers.trunc_normal_",
    ],
)
def test_what_is_no_module(dotted: str) -> None:
    assert not is_module_base(dotted)
    assert module_class(dotted) is None
