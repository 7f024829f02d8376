"""The models that are recorded and repaired, and how each is built.

Every torchvision classification, segmentation and detection family, and the timm architectures whose file below
`timm/models` begins with a to h. Other libraries and the rest of timm are left alone, so that the checker can be
judged on networks nobody tuned it on. Imported only inside the oracle's environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TORCHVISION = {
    "alexnet": "alexnet",
    "convnext": "convnext_tiny",
    "densenet": "densenet121",
    "efficientnet": "efficientnet_b0 efficientnet_v2_s",
    "googlenet": "googlenet",
    "inception": "inception_v3",
    "maxvit": "maxvit_t",
    "mnasnet": "mnasnet0_5",
    "mobilenetv2": "mobilenet_v2",
    "mobilenetv3": "mobilenet_v3_small",
    "regnet": "regnet_x_400mf regnet_y_400mf",
    "resnet": "resnet18 resnet50 resnext50_32x4d",
    "shufflenetv2": "shufflenet_v2_x0_5",
    "squeezenet": "squeezenet1_1",
    "swin_transformer": "swin_t swin_v2_t",
    "vgg": "vgg11 vgg11_bn",
    "vision_transformer": "vit_b_32",
    "segmentation": "deeplabv3_mobilenet_v3_large deeplabv3_resnet50 fcn_resnet50 lraspp_mobilenet_v3_large",
    "faster_rcnn": "fasterrcnn_mobilenet_v3_large_320_fpn fasterrcnn_resnet50_fpn_v2",
    "fcos": "fcos_resnet50_fpn",
    "keypoint_rcnn": "keypointrcnn_resnet50_fpn",
    "mask_rcnn": "maskrcnn_resnet50_fpn maskrcnn_resnet50_fpn_v2",
    "retinanet": "retinanet_resnet50_fpn retinanet_resnet50_fpn_v2",
    "ssd": "ssd300_vgg16 ssdlite320_mobilenet_v3_large",
}
SEGMENTATION = frozenset({"segmentation"})
DETECTION = frozenset({"faster_rcnn", "fcos", "keypoint_rcnn", "mask_rcnn", "retinanet", "ssd"})

TIMM = {
    "beit": "beit_base_patch16_224 beitv2_base_patch16_224",
    "byoanet": "halonet26t eca_botnext26ts_256 lambda_resnet26t haloregnetz_b sebotnet33ts_256",
    "byobnet": "test_byobnet repvgg_a0 mobileone_s0 gernet_s regnetz_b16 resnet51q gcresnext26ts bat_resnext26ts "
    "resnext26ts resnet61q mobileone_s4 regnetz_c16_evos resnet50_clip",
    "cait": "cait_xxs24_224",
    "coat": "coat_tiny coat_lite_tiny",
    "convit": "convit_tiny",
    "convmixer": "convmixer_768_32",
    "convnext": "convnext_atto convnext_atto_ols convnext_zepto_rms convnextv2_atto test_convnext convnext_tiny_hnf",
    "cpubone": "cpubone_nano cpubone_nano_transpose cpubone_t0_transpose",
    "crossvit": "crossvit_tiny_240 crossvit_9_dagger_240",
    "csatv2": "csatv2",
    "cspnet": "cspresnet50 darknet21 cs3darknet_focus_s cs3sedarknet_l",
    "cspnext": "cspnext_tiny",
    "davit": "davit_tiny davit_base_fl",
    "deepseek_vit": "deepseek_vit_412m",
    "deit": "deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 deit3_small_patch16_224",
    "densenet": "densenet121 densenetblur121d",
    "dla": "dla34 dla60_res2net",
    "dpn": "dpn48b dpn68",
    "edgenext": "edgenext_xx_small edgenext_small_rw",
    "efficientformer": "efficientformer_l1",
    "efficientformer_v2": "efficientformerv2_s0",
    "efficientnet": "efficientnet_b0 mobilenetv2_050 semnasnet_050 efficientnet_b0_gn efficientnet_blur_b0 "
    "efficientnet_es efficientnet_cc_b0_4e mixnet_s tf_efficientnet_b0 tf_efficientnetv2_b0 test_efficientnet_evos",
    "efficientvim": "efficientvim_m1",
    "efficientvit_mit": "efficientvit_b0 efficientvit_l1",
    "efficientvit_msra": "efficientvit_m0",
    "eva": "eva02_tiny_patch14_224 vit_medium_patch16_rope_reg1_gap_256 vit_pe_core_tiny_patch16_384 "
    "vit_small_patch16_rope_mixed_224",
    "fasternet": "fasternet_t0",
    "fastvit": "fastvit_t8 fastvit_sa12 fastvit_mci0",
    "focalnet": "focalnet_tiny_srf focalnet_tiny_lrf",
    "gcvit": "gcvit_xxtiny",
    "gemma4_vit": "gemma4_vit_167m",
    "ghostnet": "ghostnet_050 ghostnetv2_100 ghostnetv3_050",
    "hardcorenas": "hardcorenas_a",
    "hgnet": "hgnet_tiny hgnetv2_b0",
    "hiera": "hiera_tiny_224 hiera_small_abswin_256",
    "hieradet_sam2": "sam2_hiera_tiny hieradet_small",
    "hrnet": "hrnet_w18_small hrnet_w18_small_v2 hrnet_w18_ssld",
}

# Settings of an architecture that no registered model has: name -> (registered model, arguments).
CONFIGURED: dict[str, tuple[str, dict[str, Any]]] = {
    "cpubone_nano_transpose": ("cpubone_nano", {"attn_upsample": "transpose"}),
    "cpubone_t0_transpose": ("cpubone_t0", {"attn_upsample": "transpose", "fused_conv": False}),
}

# Tried in this order; the first that builds and runs is used. Without padding or cropping, small is fast.
SIZES = (64, 96, 128, 160, 192, 224, 240, 256, 320, 384, 512)


@dataclass(frozen=True)
class Entry:
    """One model. kind: `plain`, `segmentation` (a dict of images), `detection` (a list of images in, of dicts out)."""

    library: str
    family: str
    name: str
    kind: str = "plain"

    @property
    def label(self) -> str:
        """`timm/efficientnet_b0`."""
        return f"{self.library}/{self.name}"


def entries() -> Iterator[Entry]:
    """Every listed model."""
    for library, table in (("torchvision", TORCHVISION), ("timm", TIMM)):
        for family, names in table.items():
            for name in names.split():
                kind = "plain"
                if library == "torchvision":
                    kind = "detection" if family in DETECTION else "segmentation" if family in SEGMENTATION else kind
                yield Entry(library, family, name, kind)


def build(entry: Entry, size: int) -> Any:
    """The bare model with random weights, in eval mode."""
    import torch

    torch.manual_seed(0)
    if entry.library == "torchvision":
        import torchvision

        extra: dict[str, Any] = {} if entry.kind == "plain" else {"weights_backbone": None}
        if entry.kind == "detection" and not entry.name.startswith("ssd"):
            extra.update(min_size=96, max_size=128)  # they resize what comes in; small is fast
        if entry.name in ("googlenet", "inception_v3"):
            extra["init_weights"] = False
        if entry.name.startswith("vit_") or entry.name.startswith("maxvit"):
            extra.update({"input_size": (size, size)} if entry.name.startswith("maxvit") else {"image_size": size})
        return torchvision.models.get_model(entry.name, weights=None, **extra).eval()
    import timm

    name, arguments = CONFIGURED.get(entry.name, (entry.name, {}))
    return timm.create_model(name, pretrained=False, **arguments).eval()


def candidate_sizes(entry: Entry) -> tuple[int, ...]:
    """Input sizes to try, smallest first; the one a model is fixed to."""
    if entry.library == "timm":
        import timm

        config = timm.get_pretrained_cfg(CONFIGURED.get(entry.name, (entry.name,))[0])
        native = int(config.input_size[-1]) if config is not None else 224
        if config is not None and config.fixed_input_size:
            return (native,)
        return (*(size for size in SIZES if size < native), native)
    if entry.name.startswith(("vit_", "maxvit")):
        return (224,)
    return SIZES


def tensors_only(model: Any, entry: Entry) -> Any:
    """The model as AIMET can trace it: one image tensor in, only tensors out. Most models are that already."""
    import torch

    if entry.kind == "plain":
        return model

    class TensorsOnly(torch.nn.Module):
        """Passes one batch on and drops whatever is no tensor from the result."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(leaves(self.model([image[0]] if entry.kind == "detection" else image)))

    return TensorsOnly().eval()


def leaves(value: Any) -> Iterator[Any]:
    """The tensors in an output, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each)
    elif hasattr(value, "__dict__"):
        yield from leaves(vars(value))


def image(size: int, batch: int = 1) -> Any:
    """A reproducible batch of images, float32 (batch, 3, size, size)."""
    import torch

    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def runnable(entry: Entry) -> tuple[Any, int]:
    """The model and the smallest input size it takes. Raises RuntimeError where it takes none."""
    import torch

    problem: Exception | None = None
    for size in candidate_sizes(entry):
        try:
            model = build(entry, size)
            with torch.no_grad():
                tensors_only(model, entry)(image(size))
        except Exception as error:
            problem = error
        else:
            return model, size
    raise RuntimeError(f"{entry.label} runs with none of the sizes tried: {problem}")
