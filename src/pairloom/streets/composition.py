"""What stands where: rows of houses, furniture along the kerbs, traffic, and people."""

import numpy as np

from pairloom.streets.bicycles import bicycle
from pairloom.streets.buildings import facing_house, house
from pairloom.streets.furniture import clutter, fence, lamp_post, traffic_light
from pairloom.streets.ground import ground
from pairloom.streets.nature import hedge, tree
from pairloom.streets.people import person
from pairloom.streets.scene import Scene
from pairloom.streets.signs import sign
from pairloom.streets.vehicles import car


def compose(scene: Scene) -> None:
    """Fill a street: paint its ground, and let all else wait for its turn (`scene.finish`)."""
    ground(scene)
    for side in (-1, 1):
        _row_of_houses(scene, side)
        if scene.junction is not None:
            _side_street(scene, side, *scene.junction)
    _street_end(scene)
    for side, walk in scene.walks.items():
        _furniture(scene, side, walk)
    _shade_from_behind(scene)
    _traffic_lights(scene)
    _parked_cars(scene)
    _traffic(scene)
    _pedestrians(scene)
    _bicycles(scene)


def _row_of_houses(scene: Scene, side: int) -> None:
    """Buildings, gaps and front gardens of one side."""
    rng, junction = scene.rng, scene.junction
    front = scene.half + scene.walks[side]
    usual, s = rng.uniform(5.5, 19), -rng.uniform(2, 10)
    leafy = rng.random() < 0.25
    while s < scene.end:
        length = rng.uniform(7, 22)
        if junction is not None and s < junction[1] and s + length > junction[0]:
            if junction[0] - s > 5:
                length = junction[0] - s - rng.uniform(1.0, 3.5)
            else:
                s = junction[1] + rng.uniform(1.0, 3.5)
                continue
        if rng.random() < (0.4 if leafy else 0.13):
            _gap(scene, side, s, s + length, front)
        else:
            garden = rng.uniform(1.5, 5.0) if rng.random() < (0.6 if leafy else 0.22) else 0.0
            height = float(np.clip(usual * rng.uniform(0.6, 1.4), 4.5, 26))
            house(scene, side, s, s + length, front + garden, height, rng.uniform(9, 24))
            if garden:
                _boundary(scene, side, s, s + length, front + 0.1)
                if rng.random() < 0.6:
                    spot, height = s + length * rng.uniform(0.1, 0.9), rng.uniform(1.0, 3.5)
                    foot = scene.on_walk(side * (front + garden * 0.6), spot)
                    tree(scene, foot, spot, height, rng.uniform(0.5, 1.2), trunk=False)
        s += length + (rng.uniform(0.5, 4.0) if rng.random() < 0.25 else 0.0)


def _boundary(scene: Scene, side: int, start: float, stop: float, offset: float) -> None:
    """What separates a garden from the sidewalk."""
    rng = scene.rng
    if rng.random() < 0.75:
        height = rng.uniform(1.1, 1.9)
        for s in np.arange(start, stop, 5.0).tolist():
            near, far = scene.on_walk(side * offset, s), scene.on_walk(side * offset, min(s + 5, stop))
            fence(scene, near, far, s + 4.8, height)
    else:
        hedge(scene, side, start, stop, offset, rng.uniform(0.8, 2.0))


def _gap(scene: Scene, side: int, start: float, stop: float, front: float) -> None:
    """A plot without a house: trees behind a fence or hedge."""
    rng = scene.rng
    for _ in range(int(rng.integers(2, 6))):
        s, offset = rng.uniform(start, stop), front + rng.uniform(2.5, 9)
        height = rng.uniform(4, 11)
        tree(scene, scene.at(side * offset, s), s + 2, height, height * rng.uniform(0.28, 0.42))
    _boundary(scene, side, start, stop, front + 0.2)


def _side_street(scene: Scene, side: int, start: float, stop: float) -> None:
    """A house and a tree that close the view into the street that crosses."""
    far = scene.at(side * (scene.half + scene.rng.uniform(28, 50)), stop + 8)
    tree(scene, far, stop + 25, 9, 4)
    house(scene, side, start - 15, stop + 25, abs(float(far[0])) + 5, scene.rng.uniform(6, 16), 10)


def _street_end(scene: Scene) -> None:
    """What closes the view: houses across, trees, or a far horizon."""
    rng, kind = scene.rng, scene.rng.random()
    if kind < 0.5:
        x = -45.0 + rng.uniform(-5, 5)
        while x < 45:
            width = rng.uniform(9, 20)
            near = scene.at(x, scene.end + rng.uniform(8, 14))
            facing_house(scene, near, width, rng.uniform(5, 20))
            x += width
    for _ in range(12 if kind > 0.5 else 3):
        s, offset = scene.end + rng.uniform(2, 30), rng.normal(0, 22)
        height = rng.uniform(5, 13)
        tree(scene, scene.at(offset, s), s, height, height * rng.uniform(0.3, 0.5))


def _furniture(scene: Scene, side: int, walk: float) -> None:
    """Lamps, trees, signs, railings and bins along one kerb, on a sidewalk `walk` metres wide."""
    rng, half = scene.rng, scene.half
    if rng.random() < 0.8:
        for s in np.arange(rng.uniform(5, 18), min(scene.end, 100), rng.uniform(17, 28)).tolist():
            lamp_post(scene, scene.on_walk(side * (half + 0.45), s), side)
    if rng.random() < 0.55 and walk > 2.2:
        size = rng.uniform(4.5, 9)
        for s in np.arange(rng.uniform(5, 20), min(scene.end, 110), rng.uniform(7, 18)).tolist():
            height = size * rng.uniform(0.8, 1.2)
            tree(scene, scene.on_walk(side * (half + 0.9), s), s, height, height * rng.uniform(0.26, 0.4))
    for _ in range(int(rng.integers(1, 5))):
        s = 5.0 + 26 * rng.random() ** 1.3
        sign(scene, scene.on_walk(side * (half + rng.uniform(0.3, 0.9)), s))
    if rng.random() < 0.5:
        start = rng.uniform(4, 14)
        height = rng.uniform(1.0, 1.4)
        for s in np.arange(start, start + rng.uniform(6, 20), 4.0).tolist():
            near, far = scene.on_walk(side * (half + 0.25), s), scene.on_walk(side * (half + 0.25), s + 4)
            fence(scene, near, far, s + 2.0, height)
    for _ in range(int(rng.integers(0, 3))):
        clutter(scene, scene.on_walk(side * (half + walk * rng.uniform(0.15, 0.9)), rng.uniform(5, 30)))


def _shade_from_behind(scene: Scene) -> None:
    """Trees beside and behind the camera, whose shadows may fall across the road ahead."""
    rng = scene.rng
    for side in (-1, 1):
        for _ in range(int(rng.choice([0, 1, 2, 3]))):
            height = rng.uniform(5, 10)
            foot = scene.on_walk(side * (scene.half + rng.uniform(0.9, 2.0)), rng.uniform(-14, -2))
            tree(scene, foot, float(foot[2]), height, height * rng.uniform(0.28, 0.4))


def _traffic_lights(scene: Scene) -> None:
    """Signals before the crossings."""
    for s in scene.crossings:
        if scene.rng.random() < 0.85:
            for side in scene.walks:
                traffic_light(scene, scene.on_walk(side * (scene.half + 0.5), s - 1.9), side)


def _parked_cars(scene: Scene) -> None:
    """Cars along the kerbs of roads that are wide enough; on the left they mostly face the camera."""
    rng, half = scene.rng, scene.half
    for side in (-1, 1):
        if half < 4.2 or rng.random() < 0.3:
            continue
        s, share = rng.uniform(2.5, 8), rng.uniform(0.4, 0.95)
        while s < min(scene.end, 90):
            if rng.random() < share and not scene.barred(s, 3.5, 2):
                way = 0.0 if side > 0 or rng.random() < 0.2 else np.pi
                car(scene, scene.at(side * (half - 1.15), s), scene.heading(s) + way + rng.normal(0, 0.02))
            s += rng.uniform(5.2, 7.0)


def _traffic(scene: Scene) -> None:
    """Cars that drive along the street and across it."""
    rng, half = scene.rng, scene.half
    for lane, way in ((half * 0.36, 0.0), (-half * 0.36, np.pi)):
        s = rng.uniform(9, 30) if way == 0 else rng.uniform(6, 30)
        while s < min(scene.end, 100):
            if rng.random() < 0.7:
                car(scene, scene.at(lane, s), scene.heading(s) + way + rng.normal(0, 0.03))
            s += rng.uniform(8, 35)
    if scene.junction is not None and rng.random() < 0.5:
        turn = float(rng.choice([-1.0, 1.0]))
        middle = sum(scene.junction) / 2
        for _ in range(2):
            car(scene, scene.at(rng.uniform(-16, 16), middle + 1.8 * turn), turn * np.pi / 2)


def _pedestrians(scene: Scene) -> None:
    """People on the sidewalks, on the crossings, and now and then elsewhere on the road."""
    rng, half = scene.rng, scene.half
    for _ in range(int(rng.integers(3, 9))):
        side = int(rng.choice([-1, 1]))
        s = 4.5 + 16 * rng.random() ** 1.4
        offset = half + rng.uniform(0.5, max(scene.walks[side] - 0.4, 0.6))
        for i in range(int(rng.choice([1, 1, 2, 3]))):
            person(scene, scene.on_walk(side * (offset + rng.normal(0, 0.35)), s + 0.55 * i))
    for s in scene.crossings:
        for _ in range(int(rng.integers(0, 5))):
            person(scene, scene.at(rng.uniform(-half, half), s + rng.uniform(-1.2, 1.2)))
    if rng.random() < 0.3:
        person(scene, scene.at(rng.uniform(-half, half), rng.uniform(7, 25)))


def _bicycles(scene: Scene) -> None:
    """Riders on the road, and bicycles parked on the sidewalks."""
    rng, half = scene.rng, scene.half
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        sideways, s = rng.random() < 0.6, 4.5 + 13 * rng.random() ** 1.4
        offset = rng.uniform(-half, half) if sideways else float(rng.choice([-1, 1])) * (half - rng.uniform(0.5, 1.2))
        bicycle(scene, scene.at(offset, s), ridden=True, sideways=sideways)
    for _ in range(int(rng.integers(0, 3))):
        side, s = int(rng.choice([-1, 1])), rng.uniform(4.5, 16)
        place = half + (0.5 if rng.random() < 0.5 else max(scene.walks[side] - 0.5, 0.4))
        for i in range(int(rng.integers(1, 4))):
            bicycle(scene, scene.on_walk(side * place, s + 0.8 * i), ridden=False, sideways=rng.random() < 0.75)
