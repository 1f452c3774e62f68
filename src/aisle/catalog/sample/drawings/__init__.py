"""How each kind of goods is drawn, by the name of its row in the tables of goods."""

from collections.abc import Mapping

from aisle.catalog.sample.drawings import baby, beauty, computers, decor, furnishing, kitchen, watches
from aisle.catalog.sample.model import Draw

DRAWINGS: Mapping[str, Draw] = {
    "wrist watch": watches.draw_wrist_watch,
    "digital watch": watches.draw_digital_watch,
    "pocket watch": watches.draw_pocket_watch,
    "mug": kitchen.draw_mug,
    "pan": kitchen.draw_pan,
    "plate": kitchen.draw_plate,
    "kettle": kitchen.draw_kettle,
    "perfume": beauty.draw_perfume,
    "lipstick": beauty.draw_lipstick,
    "bottle": beauty.draw_bottle,
    "palette": beauty.draw_palette,
    "laptop": computers.draw_laptop,
    "mouse": computers.draw_mouse,
    "keyboard": computers.draw_keyboard,
    "router": computers.draw_router,
    "bedspread": furnishing.draw_bedspread,
    "cushion": furnishing.draw_cushion,
    "curtains": furnishing.draw_curtains,
    "towels": furnishing.draw_towels,
    "clock": decor.draw_clock,
    "planter": decor.draw_planter,
    "frame": decor.draw_frame,
    "lamp": decor.draw_lamp,
    "baby bottle": baby.draw_baby_bottle,
    "blanket": baby.draw_blanket,
    "romper": baby.draw_romper,
    "soft toy": baby.draw_soft_toy,
}
