"""Which classes tracing runs."""

from __future__ import annotations

from .marked import expected, read

_HEAD = "import torch\nfrom torch import nn\n\n\n"


def test_a_forward_that_trains_is_not_traced_nor_what_only_it_calls() -> None:
    source = (
        _HEAD + "class ECELoss(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.softmax = nn.Softmax(1)\n\n    def forward(self, x, y):\n"
        "        x = self.softmax(x)\n        return (self.softmax(x) - y).abs().sum()\n\n\n"
        "class Calibrator(nn.Module):\n    def __init__(self, model):\n        super().__init__()\n"
        "        self.model = model\n        self.scale = nn.Linear(1, 1)\n        self.ece = ECELoss()\n\n"
        "    def forward(self, loader):\n        outputs = [self.scale(self.model(x)) for x, _ in loader]\n"
        "        outputs = torch.cat(outputs)\n\n        def step():\n"
        "            loss = self.ece(self.scale(outputs), outputs)\n            loss.backward()\n"
        "            return loss\n\n        torch.optim.LBFGS(self.scale.parameters()).step(step)\n"
        "        return self.scale(outputs)\n"
    )
    files = {"m.py": source}
    assert read(files) == expected(files)


def test_a_model_whose_loss_is_trained_elsewhere_is_traced() -> None:
    source = (
        _HEAD + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.act = nn.ReLU()\n\n    def forward(self, x):\n        x = self.act(x)\n"
        "        return self.act(x)  # 2 call\n\n    def fit(self, x):\n        self(x).sum().backward()\n"
    )
    files = {"m.py": source}
    assert read(files) == expected(files)


def test_what_augments_data_is_no_part_of_a_model() -> None:
    source = (
        _HEAD + "class AddNoise(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.act = nn.ReLU()\n\n    def forward(self, x):\n        x = self.act(x)\n"
        "        return self.act(x){}\n"
    )
    for path, mark in (("audio/augment/noise.py", ""), ("audio/nnet/noise.py", "  # 2 call")):
        files = {path: source.format(mark)}
        assert read(files) == expected(files)


def test_what_drives_a_model_is_no_part_of_it() -> None:
    source = (
        _HEAD + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        return self.fc(x){}\n\n"
        "    def predict(self, rows):\n        return [self._one(x) * 2 for x in rows]\n\n"
        "    def _one(self, x):\n        return self{}(x)\n\n\n"
    )
    outside = "def run(rows):\n    return Net().predict(rows)\n"
    for spelling in ("", ".forward"):
        files = {"m.py": source.format("", spelling) + outside}
        assert read(files) == expected(files)
    # A model that drives another one in its own forward runs it again and again.
    holder = (
        "class Other(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.net = Net()\n\n"
        "    def forward(self, rows):\n        return self.net.predict(rows)\n"
    )
    files = {"m.py": source.format("  # 2 loop", ".forward").replace("* 2", "") + holder}
    assert read(files) == expected(files)


def test_what_counts_or_makes_a_model_is_no_part_of_a_forward() -> None:
    other = (
        "\n\nclass Other(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.net = Net()\n\n"
    )
    other += "    def forward(self, x):\n        return self.net.{}(x)\n"
    source = (
        _HEAD + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        return self.fc(x)\n\n"
        "    {}def {}({}, n):\n        return n * n{}\n"
    )
    marked = "  # = Tensor.__mul__"
    for decorator, name, first, mark in (
        ("", "encode", "self", marked),
        ("", "rep_params", "self", marked),
        ("", "flops", "self", ""),
        ("", "compute_feature_map_size", "self", ""),
        ("", "num_patches", "self", ""),
        ("@classmethod\n    ", "make", "cls", ""),
    ):
        files = {"m.py": source.format(decorator, name, first, mark) + other.format(name)}
        assert read(files) == expected(files)


def test_a_method_that_is_given_no_tensor_computes_nothing_of_an_input() -> None:
    head = (
        _HEAD + "class Net(nn.Module):\n    def __init__(self, size=4):\n        super().__init__()\n"
        "        self.fc = nn.Linear(size, 4)\n\n    def forward(self, x):\n        return self.fc(x)\n\n"
    )
    calling = "\n\ndef evaluate(x):\n    return Net().{}({})\n"
    method = "    {}def {}({}):\n        x = torch.ones(4){}\n        return self.fc(x){}\n"
    for parameters, mark in (
        ("self", ""),
        ("self, quantized=False", ""),
        ("self, *, bits=8", ""),
        ("self, mask", "  # = torch.ones"),
        ("self, mask=None", "  # = torch.ones"),
        ("self, *masks", "  # = torch.ones"),
        ("self, *, mask", "  # = torch.ones"),
    ):
        files = {"m.py": head + method.format("", "encode", parameters, mark, "") + calling.format("encode", "x")}
        assert read(files) == expected(files), parameters
    made = "    @staticmethod\n    def {}(x):\n        net = {}(4)\n        return net.fc(x), torch.ones(4){}\n"
    for maker, mark in (("Net", ""), ("nn.Linear", "  # = torch.ones")):
        files = {"m.py": head + made.format("encode", maker, mark) + calling.format("encode", "x")}
        assert read(files) == expected(files), maker


def test_what_is_compared_with_a_target_is_a_loss_unless_it_has_layers_or_a_model_holds_it() -> None:
    source = (
        _HEAD + "class Lovasz({}):\n    def __init__(self):\n        super().__init__()\n        self.w = {}\n\n"
        "    def forward(self, {}):\n        return x * x{}\n"
    )
    holder = (
        "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.last = Lovasz()\n\n    def forward(self, x, y):\n        return self.last(x, y)\n"
    )
    mark = "  # = Tensor.__mul__"
    for base, kept, parameters, other, marked in (
        ("nn.Module", "1", "x, labels", "", ""),
        ("nn.Module", "1", "x, *, labels", "", mark),
        ("nn.Module", "1", "x, labels=None", "", mark),
        (
            "nn.Module",
            "1\n        self.net = net",
            "x, labels",
            "\n    def go(self, x):\n        return self.net(x)\n",
            mark,
        ),
        ("nn.Module", "1", "x, mask", "", mark),
        ("nn.Module", "1", "labels, x: torch.Tensor", "", mark),
        ("nn.Module", "nn.Linear(4, 4)", "x, labels", "", mark),
        ("nn.Module", "1", "x, labels", holder, mark),
        ("nn.DataParallel", "1", "x", "", ""),
        ("nn.parallel.DistributedDataParallel", "1", "x", "", ""),
    ):
        files = {"m.py": source.format(base, kept, parameters, marked) + other}
        assert read(files) == expected(files), (base, kept, parameters, other)
