"""The rows behind `layers.layer`: each functional of torch.nn.functional that has a class in torch.nn.

Only what no inspection tells is written here; signatures and constructor defaults come from the generated tables.
Checked row by row, with real tensors, by `tests/oracle/test_knowledge.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One functional and its class.

    functional: its name in torch.nn.functional, or a full symbol where it has none there.
    module: the class's name in torch.nn.
    attribute: the name a new submodule gets.
    inputs: parameters that stay in the call.
    carried: parameters that become constructor arguments, `functional:constructor` where the names differ.
    weights: tensors over which the functional works and which the module would own.
    fixed: constructor arguments the module form always needs.
    training: the parameter that `self.training` takes the place of.
    aimet: AIMET's class that takes exactly the functional's arguments.
    spellings: further symbols of the same operation, beyond those `layers` derives from the name.
    """

    functional: str
    module: str
    attribute: str
    kind: str
    inputs: tuple[str, ...] = ("input",)
    carried: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    fixed: tuple[tuple[str, Any], ...] = ()
    training: tuple[str, ...] = ()
    aimet: str | None = None
    parametric: bool = False
    spellings: tuple[str, ...] = ()
    note: str = ""


def _row(functional: str, module: str, attribute: str, kind: str, carried: str = "", **more: Any) -> Row:
    for key in ("inputs", "weights", "training", "spellings"):
        if key in more:
            more[key] = tuple(more[key].split())
    return Row(functional, module, attribute, kind, carried=tuple(carried.split()), **more)


# AlphaDropout and FeatureAlphaDropout take `inplace` and do not heed it.
_DROPS = "the functional drops whenever its `training` is true, the module only in train()"
_AFFINE = "with weight or bias given, the module would own them as parameters"
_WEIGHTED = "a weight would become a buffer of the module and enter its state_dict"
_OWN_WEIGHTS = "the module owns the weights the functional is given"

ACTIVATIONS = (
    _row("relu", "ReLU", "relu", "activation", "inplace"),
    _row("relu6", "ReLU6", "relu6", "activation", "inplace"),
    _row("elu", "ELU", "elu", "activation", "alpha inplace"),
    _row("selu", "SELU", "selu", "activation", "inplace"),
    _row("celu", "CELU", "celu", "activation", "alpha inplace"),
    _row("leaky_relu", "LeakyReLU", "leaky_relu", "activation", "negative_slope inplace"),
    _row(
        "rrelu",
        "RReLU",
        "rrelu",
        "activation",
        "lower upper inplace",
        training="training",
        note="the functional draws slopes only where its `training` is true, which is not its default",
    ),
    _row("prelu", "PReLU", "prelu", "activation", weights="weight", parametric=True, note=_OWN_WEIGHTS),
    _row("gelu", "GELU", "gelu", "activation", "approximate"),
    _row("silu", "SiLU", "silu", "activation", "inplace"),
    _row("mish", "Mish", "mish", "activation", "inplace"),
    _row("glu", "GLU", "glu", "activation", "dim"),
    _row(
        "sigmoid",
        "Sigmoid",
        "sigmoid",
        "activation",
        spellings="torch.special.expit torch.ops.aten.special_expit",
    ),
    _row("tanh", "Tanh", "tanh", "activation"),
    _row("logsigmoid", "LogSigmoid", "log_sigmoid", "activation", spellings="torch.ops.aten.log_sigmoid"),
    _row("hardsigmoid", "Hardsigmoid", "hardsigmoid", "activation", "inplace"),
    _row("hardswish", "Hardswish", "hardswish", "activation", "inplace"),
    _row(
        "hardtanh",
        "Hardtanh",
        "hardtanh",
        "activation",
        "min_val max_val inplace",
        note="the class refuses bounds that are equal",
    ),
    _row("hardshrink", "Hardshrink", "hardshrink", "activation", "lambd"),
    _row("softshrink", "Softshrink", "softshrink", "activation", "lambd"),
    _row("tanhshrink", "Tanhshrink", "tanhshrink", "activation"),
    _row("softplus", "Softplus", "softplus", "activation", "beta threshold"),
    _row("softsign", "Softsign", "softsign", "activation"),
    _row("threshold", "Threshold", "threshold", "activation", "threshold value inplace"),
    _row("softmax", "Softmax", "softmax", "activation", "dim", spellings="torch.special.softmax"),
    _row("softmin", "Softmin", "softmin", "activation", "dim"),
    _row("log_softmax", "LogSoftmax", "log_softmax", "activation", "dim", spellings="torch.special.log_softmax"),
)

_MAX = "kernel_size stride padding dilation ceil_mode return_indices"
_AVG = "kernel_size stride padding ceil_mode count_include_pad"
_INDICES = (("return_indices", True),)
_FRACTIONAL = "kernel_size output_size output_ratio return_indices"

POOLING = (
    *(
        row
        for n in (1, 2, 3)
        for row in (
            _row(f"max_pool{n}d", f"MaxPool{n}d", "max_pool", "pooling", _MAX, aimet="MaxPool2d" if n == 2 else None),
            _row(
                f"max_pool{n}d_with_indices",
                f"MaxPool{n}d",
                "max_pool",
                "pooling",
                _MAX.rpartition(" ")[0],
                fixed=_INDICES,
                note="returns a tuple",
            ),
            _row(
                f"avg_pool{n}d",
                f"AvgPool{n}d",
                "avg_pool",
                "pooling",
                _AVG + (" divisor_override" if n > 1 else ""),
                aimet="AvgPool2d" if n == 2 else None,
            ),
            _row(
                f"adaptive_avg_pool{n}d",
                f"AdaptiveAvgPool{n}d",
                "adaptive_avg_pool",
                "pooling",
                "output_size",
                aimet="AdaptiveAvgPool2d" if n == 2 else None,
            ),
            _row(
                f"adaptive_max_pool{n}d",
                f"AdaptiveMaxPool{n}d",
                "adaptive_max_pool",
                "pooling",
                "output_size return_indices",
            ),
            _row(
                f"adaptive_max_pool{n}d_with_indices",
                f"AdaptiveMaxPool{n}d",
                "adaptive_max_pool",
                "pooling",
                "output_size",
                fixed=_INDICES,
                note="returns a tuple",
                spellings=f"torch.ops.aten.adaptive_max_pool{n}d" + (" torch.adaptive_max_pool1d" if n == 1 else ""),
            ),
            _row(f"lp_pool{n}d", f"LPPool{n}d", "lp_pool", "pooling", "norm_type kernel_size stride ceil_mode"),
            _row(
                f"max_unpool{n}d",
                f"MaxUnpool{n}d",
                "max_unpool",
                "pooling",
                "kernel_size stride padding",
                inputs="input indices output_size",
            ),
        )
    ),
    *(
        row
        for n in (2, 3)
        for row in (
            _row(
                f"fractional_max_pool{n}d",
                f"FractionalMaxPool{n}d",
                "fractional_max_pool",
                "pooling",
                _FRACTIONAL,
                note="random samples are drawn at each call, by both",
            ),
            _row(
                f"fractional_max_pool{n}d_with_indices",
                f"FractionalMaxPool{n}d",
                "fractional_max_pool",
                "pooling",
                _FRACTIONAL.rpartition(" ")[0],
                fixed=_INDICES,
                note="returns a tuple",
            ),
        )
    ),
)

DROPOUTS = (
    _row("dropout", "Dropout", "dropout", "dropout", "p inplace", training="training train", note=_DROPS),
    _row("dropout1d", "Dropout1d", "dropout", "dropout", "p inplace", training="training", note=_DROPS),
    _row(
        "dropout2d",
        "Dropout2d",
        "dropout",
        "dropout",
        "p inplace",
        training="training train",
        note=_DROPS,
        spellings="torch.feature_dropout torch.feature_dropout_",
    ),
    _row("dropout3d", "Dropout3d", "dropout", "dropout", "p inplace", training="training", note=_DROPS),
    _row("alpha_dropout", "AlphaDropout", "dropout", "dropout", "p", training="training train", note=_DROPS),
    _row(
        "feature_alpha_dropout",
        "FeatureAlphaDropout",
        "dropout",
        "dropout",
        "p",
        training="training train",
        note=_DROPS,
    ),
)

NORMALIZATIONS = (
    _row(
        "batch_norm",
        "BatchNorm2d",
        "batch_norm",
        "normalization",
        "eps momentum",
        weights="running_mean running_var weight bias",
        training="training",
        parametric=True,
        aimet="BatchNorm",
        note=_OWN_WEIGHTS + "; the class depends on the input's rank",
    ),
    _row(
        "instance_norm",
        "InstanceNorm2d",
        "instance_norm",
        "normalization",
        "eps momentum",
        weights="running_mean running_var weight bias",
        training="use_input_stats",
        note="the class depends on the input's rank and needs the number of channels; " + _AFFINE,
    ),
    _row(
        "layer_norm",
        "LayerNorm",
        "layer_norm",
        "normalization",
        "normalized_shape eps",
        weights="weight bias",
        fixed=(("elementwise_affine", False),),
        note=_AFFINE,
    ),
    _row(
        "rms_norm",
        "RMSNorm",
        "rms_norm",
        "normalization",
        "normalized_shape eps",
        weights="weight",
        fixed=(("elementwise_affine", False),),
        note=_AFFINE,
    ),
    _row(
        "group_norm",
        "GroupNorm",
        "group_norm",
        "normalization",
        "num_groups eps",
        weights="weight bias",
        fixed=(("affine", False),),
        aimet="GroupNorm",
        note="the class needs the number of channels; " + _AFFINE,
    ),
    _row("local_response_norm", "LocalResponseNorm", "local_response_norm", "normalization", "size alpha beta k"),
)

_FOLD = "kernel_size dilation padding stride"

SHAPES = (
    _row(
        "pad",
        "ZeroPad2d",
        "pad",
        "padding",
        "pad:padding",
        aimet="Pad",
        note="mode and the number of sides choose the class: see padding_module",
    ),
    *(
        _row(f"torch.ops.aten.{kind}_pad{n}d", f"{kind.title()}Pad{n}d", "pad", "padding", "padding")
        for n in (1, 2, 3)
        for kind in ("reflection", "replication")
    ),
    _row(
        "interpolate",
        "Upsample",
        "upsample",
        "resize",
        "size scale_factor mode align_corners recompute_scale_factor",
        aimet="Interpolate",
    ),
    _row("upsample", "Upsample", "upsample", "resize", "size scale_factor mode align_corners"),
    _row("upsample_nearest", "UpsamplingNearest2d", "upsample", "resize", "size scale_factor"),
    _row("upsample_bilinear", "UpsamplingBilinear2d", "upsample", "resize", "size scale_factor"),
    _row("pixel_shuffle", "PixelShuffle", "pixel_shuffle", "shape", "upscale_factor"),
    _row("pixel_unshuffle", "PixelUnshuffle", "pixel_unshuffle", "shape", "downscale_factor"),
    _row(
        "channel_shuffle",
        "ChannelShuffle",
        "channel_shuffle",
        "shape",
        "groups",
        spellings="torch.nn.functional.native_channel_shuffle torch.native_channel_shuffle",
    ),
    _row("fold", "Fold", "fold", "shape", "output_size " + _FOLD, spellings="torch.ops.aten.col2im"),
    _row("unfold", "Unfold", "unfold", "shape", _FOLD, spellings="torch.ops.aten.im2col"),
)

DISTANCES = (
    _row("cosine_similarity", "CosineSimilarity", "cosine_similarity", "distance", "dim eps", inputs="x1 x2"),
    _row("pairwise_distance", "PairwiseDistance", "pairwise_distance", "distance", "p eps keepdim", inputs="x1 x2"),
)

_CONV = "stride padding dilation groups"

PARAMETRICS = tuple(
    row._replace(parametric=True, note=_OWN_WEIGHTS)
    for row in (
        _row("linear", "Linear", "linear", "parametric", weights="weight bias"),
        _row("bilinear", "Bilinear", "bilinear", "parametric", weights="weight bias", inputs="input1 input2"),
        *(
            row
            for n in (1, 2, 3)
            for row in (
                _row(f"conv{n}d", f"Conv{n}d", "conv", "parametric", _CONV, weights="weight bias"),
                _row(
                    f"conv_transpose{n}d",
                    f"ConvTranspose{n}d",
                    "conv_transpose",
                    "parametric",
                    _CONV + " output_padding",
                    weights="weight bias",
                ),
            )
        ),
        _row(
            "embedding",
            "Embedding",
            "embedding",
            "parametric",
            "padding_idx max_norm norm_type scale_grad_by_freq sparse",
            weights="weight",
            inputs="input indices",
        ),
        _row(
            "embedding_bag",
            "EmbeddingBag",
            "embedding_bag",
            "parametric",
            "max_norm norm_type scale_grad_by_freq mode sparse include_last_offset padding_idx",
            weights="weight",
            inputs="input indices offsets per_sample_weights",
        ),
        _row(
            "multi_head_attention_forward",
            "MultiheadAttention",
            "attention",
            "parametric",
            "num_heads add_zero_attn dropout_p:dropout",
            weights="in_proj_weight in_proj_bias bias_k bias_v out_proj_weight out_proj_bias q_proj_weight "
            "k_proj_weight v_proj_weight",
            inputs="query key value key_padding_mask need_weights attn_mask average_attn_weights is_causal",
            training="training",
        ),
        _row("torch.lstm", "LSTM", "lstm", "parametric", weights="params"),
        _row("torch.gru", "GRU", "gru", "parametric", weights="params"),
        _row("torch.rnn_tanh", "RNN", "rnn", "parametric", weights="params"),
        _row("torch.rnn_relu", "RNN", "rnn", "parametric", weights="params", fixed=(("nonlinearity", "relu"),)),
        _row(
            "torch.lstm_cell", "LSTMCell", "lstm_cell", "parametric", weights="w_ih w_hh b_ih b_hh", inputs="input hx"
        ),
        _row("torch.gru_cell", "GRUCell", "gru_cell", "parametric", weights="w_ih w_hh b_ih b_hh", inputs="input hx"),
        _row(
            "torch.rnn_tanh_cell", "RNNCell", "rnn_cell", "parametric", weights="w_ih w_hh b_ih b_hh", inputs="input hx"
        ),
        _row(
            "torch.rnn_relu_cell",
            "RNNCell",
            "rnn_cell",
            "parametric",
            weights="w_ih w_hh b_ih b_hh",
            inputs="input hx",
            fixed=(("nonlinearity", "relu"),),
        ),
        _row(
            "linear_cross_entropy",
            "LinearCrossEntropyLoss",
            "loss",
            "loss",
            "reduction ignore_index label_smoothing",
            weights="linear_weight linear_bias",
            inputs="input target",
        ),
    )
)

_REDUCED = "size_average reduce reduction"
_PAIR = "input target"

LOSSES = (
    _row("l1_loss", "L1Loss", "loss", "loss", _REDUCED, inputs=_PAIR),
    _row("mse_loss", "MSELoss", "loss", "loss", _REDUCED, inputs=_PAIR),
    _row("smooth_l1_loss", "SmoothL1Loss", "loss", "loss", _REDUCED + " beta", inputs=_PAIR),
    _row("huber_loss", "HuberLoss", "loss", "loss", "reduction delta", inputs=_PAIR),
    _row(
        "cross_entropy",
        "CrossEntropyLoss",
        "loss",
        "loss",
        _REDUCED + " ignore_index label_smoothing",
        inputs=_PAIR,
        note=_WEIGHTED,
        spellings="torch.ops.aten.cross_entropy_loss",
    ),
    _row("nll_loss", "NLLLoss", "loss", "loss", _REDUCED + " ignore_index", inputs=_PAIR, note=_WEIGHTED),
    _row("kl_div", "KLDivLoss", "loss", "loss", _REDUCED + " log_target", inputs=_PAIR),
    _row("binary_cross_entropy", "BCELoss", "loss", "loss", _REDUCED, inputs=_PAIR, note=_WEIGHTED),
    _row(
        "binary_cross_entropy_with_logits", "BCEWithLogitsLoss", "loss", "loss", _REDUCED, inputs=_PAIR, note=_WEIGHTED
    ),
    _row("poisson_nll_loss", "PoissonNLLLoss", "loss", "loss", _REDUCED + " log_input full eps", inputs=_PAIR),
    _row("gaussian_nll_loss", "GaussianNLLLoss", "loss", "loss", "full eps reduction", inputs=_PAIR + " var"),
    _row(
        "ctc_loss",
        "CTCLoss",
        "loss",
        "loss",
        "blank reduction zero_infinity",
        inputs="log_probs targets input_lengths target_lengths",
    ),
    _row(
        "cosine_embedding_loss",
        "CosineEmbeddingLoss",
        "loss",
        "loss",
        _REDUCED + " margin",
        inputs="input1 input2 target",
    ),
    _row(
        "margin_ranking_loss", "MarginRankingLoss", "loss", "loss", _REDUCED + " margin", inputs="input1 input2 target"
    ),
    _row("hinge_embedding_loss", "HingeEmbeddingLoss", "loss", "loss", _REDUCED + " margin", inputs=_PAIR),
    _row("soft_margin_loss", "SoftMarginLoss", "loss", "loss", _REDUCED, inputs=_PAIR),
    _row("multi_margin_loss", "MultiMarginLoss", "loss", "loss", _REDUCED + " p margin", inputs=_PAIR, note=_WEIGHTED),
    _row("multilabel_margin_loss", "MultiLabelMarginLoss", "loss", "loss", _REDUCED, inputs=_PAIR),
    _row(
        "multilabel_soft_margin_loss",
        "MultiLabelSoftMarginLoss",
        "loss",
        "loss",
        _REDUCED,
        inputs=_PAIR,
        note=_WEIGHTED,
    ),
    _row(
        "triplet_margin_loss",
        "TripletMarginLoss",
        "loss",
        "loss",
        _REDUCED + " margin p eps swap",
        inputs="anchor positive negative",
    ),
    _row(
        "triplet_margin_with_distance_loss",
        "TripletMarginWithDistanceLoss",
        "loss",
        "loss",
        "distance_function margin swap reduction",
        inputs="anchor positive negative",
    ),
)

ROWS = (
    *ACTIVATIONS,
    *POOLING,
    *DROPOUTS,
    *NORMALIZATIONS,
    *SHAPES,
    *DISTANCES,
    *PARAMETRICS,
    *LOSSES,
)
