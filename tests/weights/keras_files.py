"""Files as Keras 3.0 to 3.5 wrote them: groups have the class of a layer and a number, and no names."""

from collections import Counter

import h5py


def numbered(shapes):
    """{layer: class_number} of {layer/role: shape} in Keras's order; weights tell the class of a layer."""
    counts, result = Counter(), {}
    for name, shape in shapes.items():
        layer, _, role = name.rpartition("/")
        if layer in result:
            continue
        kind = "conv2d" if len(shape) == 4 else "dense"
        if role not in ("kernel", "bias"):
            kind = "batch_normalization"
        elif len(shape) == 4 and shape[-1] == 1:
            kind = "depthwise_conv2d"
        result[layer] = f"{kind}_{counts[kind]}"
        counts[kind] += 1
    return result


def keras_3_5(path, tensors):
    """Writes {layer/role: array}, in Keras's order, as `model.save_weights` of Keras 3.0 to 3.5."""
    numbers = numbered({name: tensor.shape for name, tensor in tensors.items()})
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            number = numbers[name.rpartition("/")[0]].removesuffix("_0")
            group = file.require_group(f"layers/{number}/vars")
            group[str(len(group))] = tensor
        file.create_group("layers/flatten/vars")
        file.create_group("vars")
    return path
