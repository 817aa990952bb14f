"""The sizes of the model: what model, batches and export agree on."""

TILE, PATCH, MOST_TILES = 56, 14, 4
GRID = TILE // PATCH
PATCHES = GRID * GRID
ROWS = PATCHES + 1
"""A tile's patches and its class row."""
FILLING = -ROWS % 8
"""Rows that fill a tile up to a multiple of eight."""
PICTURE_ROWS = MOST_TILES * ROWS

# Rows and columns of tiles; aspect id 0 is no picture, 1 to 8 are these.
CANVASES = [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (3, 1), (4, 1)]
ASPECTS = len(CANVASES) + 1

WIDTH, HEADS, HEAD_WIDTH = 256, 4, 64
VISION_HIDDEN, LOCAL_LAYERS, GLOBAL_LAYERS = 512, 4, 2
# The states that enter these local layers go to the projector beside the last ones.
INTERMEDIATE = [1, 3]
# The state that enters this local layer is taught to know the objects' outlines.
MASK_LAYER = 2
TEXT_LAYERS, TEXT_HIDDEN, KEY_HEADS = 5, 512, 2
CROSS_LAYERS = [1, 3]
EPSILON = 1e-5
ROPE_BASE = 500_000.0
ROPE_SCALING = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512}
CONTEXT = 2048

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
