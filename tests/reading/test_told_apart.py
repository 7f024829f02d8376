"""What tells a tensor from a module, an object or None."""

from __future__ import annotations

from .marked import HEAD, expected, model, read
from .test_library_habits import found


def test_a_method_that_takes_no_tensor_is_a_module_called_by_that_name() -> None:
    files = {"m.py": model("return self.body.relu(x)", "self.body = make()", "from elsewhere import make")}
    assert read(files) == expected(files)


def test_an_array_is_no_tensor() -> None:
    forward = (
        "boxes = np.asarray(x.tolist(), dtype=np.float32).reshape(-1, 4)  # = Tensor.tolist\n"
        "for box in boxes[:, 1:]:\n    n = box.sum() * 2 + boxes.max(1)[0]\n"
        "return torch.from_numpy(boxes).exp() * n + np.sqrt(width)  # = torch.from_numpy Tensor.exp Tensor.__mul__ Tensor.__add__"  # noqa: E501
    )
    files = {"m.py": model(forward, "", "import numpy as np", signature="x, width")}
    assert read(files) == expected(files)


def test_what_a_tensor_hands_to_numpy_is_no_tensor() -> None:
    forward = (
        "array = x.cpu().numpy()  # = Tensor.cpu Tensor.numpy\nvalues = self.scale(array).dot(array) + 1\n"
        "values = array.dot(values) + 1\nreturn torch.exp(x), values.argmax(axis=1)  # = torch.exp"
    )
    scale = "\n    def scale(self, array):\n        return array.copy()\n"
    files = {"m.py": model(forward) + scale}
    assert read(files) == expected(files)


def test_an_attribute_a_class_declares() -> None:
    before = """
        from dataclasses import dataclass

        class Gaussian:
            def __init__(self, mean):
                self.mean = mean

            def mode(self):
                return self.mean

        @dataclass
        class Output:
            latent: Gaussian
            hidden: torch.Tensor
    """
    forward = "out = self.encode(x)\nreturn out.latent.mode() + torch.exp(out.hidden)  # = torch.exp Tensor.__radd__"
    files = {"m.py": model(forward, "", before) + "\n    def encode(self, x):\n        return Output(Gaussian(x), x)\n"}
    assert read(files) == expected(files)


def test_an_input_is_no_dictionary() -> None:
    forward = "if isinstance(x, dict):\n    return self.loss(x)\nreturn torch.exp(x)  # = torch.exp"
    files = {"m.py": model(forward) + "\n    def loss(self, x):\n        return torch.log(x['a'])\n"}
    assert read(files) == expected(files)


def test_a_dictionary_that_is_asked_for() -> None:
    forward = "if not isinstance(x, dict):\n    raise TypeError\nreturn torch.exp(x['a'])  # = torch.exp"
    files = {"m.py": model(forward)}
    assert read(files) == expected(files)


def test_what_is_asked_for_its_values_is_a_dictionary() -> None:
    forward = (
        "a, b = self.net(x)[-1].values()\nc, d = x.values()\n"
        "return a.exp() + x.indices()  # = Tensor.exp Tensor.indices Tensor.__add__"
    )
    files = {"m.py": model(forward, "self.net = net", signature="x")}
    assert read(files) == expected(files)


def test_what_is_added_to_a_tuple_is_one() -> None:
    forward = "outs = (x,)\nfor block in self.blocks:\n    x, more = block(x)\n    outs += more\nreturn outs"
    files = {"m.py": model(forward, "self.blocks = nn.ModuleList(make())", "from elsewhere import make")}
    assert read(files) == expected(files)


def test_an_attribute_that_is_not_none_behind_a_test() -> None:
    init = "self.scale = nn.Parameter(torch.ones(1)) if width > 2 else None"
    test = "if self.scale:\n        x = -x\n"
    behind = model(f"if self.scale is not None:\n    {test}\nreturn x", init)
    assert found({"m.py": behind}, "m.py", "AIMET302") == [12]
    alone = model(f"if self.n:\n    {test}\nreturn x", init)
    assert found({"m.py": alone}, "m.py", "AIMET302") == []
    changed = model(f"if self.scale is not None:\n    self.scale = None\n    {test}\nreturn x", init)
    assert found({"m.py": changed}, "m.py", "AIMET302") == []


def test_what_only_a_loss_uses_is_not_traced() -> None:
    matcher = HEAD + (
        "class Matcher(nn.Module):\n    def forward(self, x):\n        return torch.exp(x) + x\n\n\n"
        "class SetLoss:\n    def __init__(self):\n        self.matcher = Matcher()\n\n"
        "    def __call__(self, x):\n        return self.matcher(x)\n"
    )
    assert found({"m.py": matcher}, "m.py", "AIMET301") == []
    model_too = matcher + (
        "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.matcher = Matcher()\n\n    def forward(self, x):\n        return self.matcher(x)\n"
    )
    assert found({"m.py": model_too}, "m.py", "AIMET301") == [6, 6]


def test_a_loss_is_traced_only_where_forward_calls_it() -> None:
    loss = "class {0}(nn.Module):\n    def forward(self, x):\n        return torch.exp(x) + x\n\n\n"
    source = (
        HEAD
        + loss.format("DiceLoss")
        + loss.format("SoftLoss")
        + (
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.dice, self.soft = DiceLoss(), SoftLoss()\n\n    def forward(self, x):\n"
            "        if self.training:\n            return self.dice(x)\n        return self.soft(x)\n\n"
            "    def loss(self, x):\n        return self.dice(x)\n"
        )
    )
    assert found({"m.py": source}, "m.py", "AIMET301") == [11, 11]


def test_what_stands_below_a_folder_of_losses_or_transforms() -> None:
    text = HEAD + "class Blur(nn.Module):\n    def forward(self, x):\n        return torch.exp(x) + x\n"
    folders = ("lib/transforms/modules", []), ("lib/losses", []), ("lib/pixel_losses", []), ("lib/modules", [6, 6])
    for folder, lines in folders:
        assert found({f"{folder}/blur.py": text}, f"{folder}/blur.py", "AIMET301") == lines


def test_a_later_version_of_a_loss_is_one() -> None:
    text = "class {}(nn.Module):\n    def forward(self, x):\n        return torch.exp(x) + x\n"
    for name, lines in (("EmbLossV2", []), ("EmbLoss2", []), ("LossNet", [6, 6])):
        assert found({"m.py": HEAD + text.format(name)}, "m.py", "AIMET301") == lines


def test_a_method_that_only_a_subclass_goes_on_to_is_no_entry() -> None:
    net = model("return x") + "    def encode(self, x):\n        return torch.exp(x) + x\n"
    more = "\n\nclass More(Net):\n    def encode(self, x):\n        return super().encode(x)\n"
    assert found({"m.py": net + more}, "m.py", "AIMET301") == []
    other = more + "\n\ndef run(x):\n    net = Net()\n    return net.encode(x)\n"
    assert found({"m.py": net + other}, "m.py", "AIMET301") == [13, 13]


def test_an_object_of_python_s_own_is_no_tensor() -> None:
    forward = "q = PriorityQueue()\nq.put((0, x))\n_, y = q.get()\nreturn torch.exp(x), q.mode()  # = torch.exp"
    files = {"m.py": model(forward, before="from queue import PriorityQueue")}
    assert read(files) == expected(files)


def test_the_base_of_a_plain_class_is_no_tensor() -> None:
    before = """
        class Normal(Distribution):
            def mode(self):
                return super().mode()
    """
    files = {"m.py": model("return self.normal.mode() + torch.exp(x)  # = torch.exp", "self.normal = Normal()", before)}
    assert "Tensor.mode" not in {word for _, _, _, word in read(files)}


def test_what_is_said_to_be_an_array_is_no_tensor() -> None:
    before = """
        def heights(top: np.ndarray, rows):
            return top[rows, 0].reshape((-1, 1)) + top.sum()
    """
    files = {"m.py": model("return torch.exp(x), heights(self.top, 3)  # = torch.exp", "self.top = make()", before)}
    assert read(files) == expected(files)
