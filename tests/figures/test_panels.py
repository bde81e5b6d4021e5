"""Pictures side by side."""

import numpy as np
from PIL import Image

from deeplearn.figures.panels import panels


def test_pictures_stand_in_reading_order_in_equal_cells():
    pictures = [
        Image.new("RGB", (4, 6), "red"),
        Image.new("RGB", (5, 3), "blue"),
        Image.new("RGB", (2, 2), "black"),
    ]
    sheet = np.asarray(panels(pictures, columns=2))
    assert sheet.shape == (12, 10, 3)
    assert (sheet[:6, :4] == (255, 0, 0)).all() and (sheet[:6, 4] == 255).all()
    assert (sheet[:3, 5:] == (0, 0, 255)).all() and (sheet[3:6, 5:] == 255).all()
    assert (sheet[6:8, :2] == 0).all() and (sheet[6:, 5:] == 255).all()
