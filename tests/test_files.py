"""A world directory as it is read: config, assets, where wasm and data are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aos_core import canon, files
from aos_core.air.nodes import DefModule
from aos_core.errors import CheckFailed, ModuleMissing, UsageError, WorldError
from aos_core.files import WorldFiles, bundled_worlds, find_world, prebuilt_root, read_config
from aos_core.live_settings import HttpSettings, LiveSettings, LlmSettings
from aos_core.problems import Problem
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EXAMPLE, REDUCER, ROOT, WASM, edit_json, tiny_world


def config(to: Path, text: str) -> Path:
    (to / "world.toml").write_text(text, "utf-8")
    return to / "world.toml"


def module_of(read: WorldFiles, name: str = REDUCER) -> DefModule:
    found: list[DefModule] = [of for of in read.catalog.all(DefModule) if of.name == name]
    return found[0]


# -- world.toml -------------------------------------------------------------------------------


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = read_config(config(tmp_path, ""))
    assert (found.name, found.title, found.summary) == (tmp_path.name, tmp_path.name, "")
    assert (found.default_scenario, found.modules, found.state_schema) == (None, {}, "warn")
    assert found.live == LiveSettings(HttpSettings(30, 16, False), {})
    limits = {"fuel": 10**9, "memory_mib": 64, "output_mib": 16, "tasks": 100_000}
    assert found.settings.to_plain() == {"limits": limits, "state_schema": "warn", "abi": {}}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    text = """
    name = "n"
    title = "t"
    summary = "s"
    default_scenario = "d"
    [modules."demo/R@1"]
    crate = "c"
    wasm = "w"
    abi = "legacy"
    [limits]
    fuel = 1
    memory_mib = 2
    output_mib = 3
    tasks = 4
    [checks]
    state_schema = "off"
    [snapshots]
    turns = 1
    [http]
    timeout_s = 1
    max_body_mib = 2
    follow_redirects = true
    [llm.mine]
    base_url = "http://localhost:8080/v1"
    timeout_s = 3
    prompt_cents_per_mtok = 4
    completion_cents_per_mtok = 5
    """
    found = read_config(config(tmp_path, text))
    assert (found.name, found.title, found.summary, found.default_scenario) == ("n", "t", "s", "d")
    source = found.modules["demo/R@1"]
    assert (source.crate, source.wasm, source.abi) == ("c", "w", "legacy")
    plain = found.settings.to_plain()
    assert plain["limits"] == {"fuel": 1, "memory_mib": 2, "output_mib": 3, "tasks": 4}
    assert (plain["state_schema"], plain["abi"]) == ("off", {"demo/R@1": "legacy"})
    mine = LlmSettings("http://localhost:8080/v1", 3, 4, 5)
    assert found.live == LiveSettings(HttpSettings(1, 2, True), {"mine": mine})
    assert found.live.http.max_body == 2 * 2**20


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("nam = 'x'", "nam", "did you mean name"),
        ("zebra = 1", "zebra", "known: assets"),
        ("name = 1", "name", "expected a text"),
        ("limits = 1", "limits", "expected a table"),
        ("[limits]\nfeul = 1", "limits.feul", "did you mean fuel"),
        ("[limits]\nfuel = 0", "limits.fuel", "from 1"),
        ("[limits]\nfuel = true", "limits.fuel", "a whole number"),
        ("[limits]\nmemory_mib = 4096", "limits.memory_mib", "from 1 to 4095"),
        ("[limits]\noutput_mib = 4096", "limits.output_mib", "from 1 to 4095"),
        ("[checks]\nstate_schema = 'strict'", "checks.state_schema", "one of warn, off, enforce"),
        ("[snapshots]\nturn = 1", "snapshots.turn", "did you mean turns"),
        ("[http]\ntimeout = 1", "http.timeout", "did you mean timeout_s"),
        ("[http]\ntimeout_s = 0", "http.timeout_s", "from 1"),
        ("[http]\nmax_body_mib = 951", "http.max_body_mib", "from 1 to 950"),
        ("[http]\nfollow_redirects = 1", "http.follow_redirects", "true or false"),
        ("llm = 1", "llm", "expected a table"),
        ("[llm.x]\ntimeout_s = 1", "llm.x.base_url", "expected a text"),
        ("[llm.x]\nbase_url = 'x'", "llm.x.base_url", "expected a URL"),
        ("[llm.x]\nbase_ur = 'x'", "llm.x.base_ur", "did you mean base_url"),
        ("modules = 1", "modules", "expected a table"),
        ("[modules]\n'demo/R@1' = 1", "modules.demo/R@1", "expected a table"),
        ("[modules.'demo/R@1']\nwsm = 'x'", "modules.demo/R@1.wsm", "did you mean wasm"),
        ("[modules.'demo/R@1']\nabi = 'v2'", "modules.demo/R@1.abi", "one of v1, legacy"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_place(
    tmp_path: Path, text: str, path: str, words: str
) -> None:
    file = config(tmp_path, text)
    with pytest.raises(WorldError) as caught:
        read_config(file)
    assert (caught.value.where["path"], caught.value.where["file"]) == (path, file)
    assert words in f"{caught.value.message} {caught.value.hint}"


# -- assets -----------------------------------------------------------------------------------


def test_assets_lie_below_air_defs_and_plans_and_nowhere_else(tmp_path: Path) -> None:
    config(tmp_path, "")
    for folder in ("air", "air.d/deep", "defs", "plans", "other", "scenarios"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.json").write_text("[]", "utf-8")
    (tmp_path / "air/note.txt").write_text("no", "utf-8")
    assert sorted(WorldFiles.read(tmp_path).texts) == [
        "air.d/deep/x.json", "air/x.json", "defs/x.json", "plans/x.json",
    ]  # fmt: skip


def _two_versions(to: Path, toml: str = "") -> Path:
    """A world with two versions of its assets side by side."""
    config(to, toml)
    for version in ("1", "2"):
        folder = to / f"air.v{version}"
        (folder / "plans").mkdir(parents=True)
        manifest = {
            "$kind": "manifest",
            "air_version": "1",
            "schemas": [{"name": "t/S@" + version}],
        }
        schema = {"$kind": "defschema", "name": f"t/S@{version}", "type": {"nat": {}}}
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        (folder / "plans/schema.json").write_text(json.dumps(schema), "utf-8")
    return to


def _schemas(read: WorldFiles) -> list[str]:
    return [ref.name for ref in read.catalog.manifest.refs["schemas"]]


def test_one_of_several_versions_is_chosen_by_assets(tmp_path: Path) -> None:
    read = WorldFiles.read(_two_versions(tmp_path, 'assets = "air.v2"'))
    assert list(read.texts) == ["air.v2/manifest.json", "air.v2/plans/schema.json"]
    assert _schemas(read) == ["t/S@2"]


def test_two_versions_at_once_are_an_error_that_says_how_to_choose(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="manifest is defined twice") as caught:
        _ = WorldFiles.read(_two_versions(tmp_path)).catalog
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert problem.file == "air.v2/manifest.json"
    assert 'assets = "air.v1"' in str(problem.hint)


@pytest.mark.parametrize("assets", ["air.v3", "../w", ""])
def test_assets_name_a_folder_of_the_world(tmp_path: Path, assets: str) -> None:
    world = tmp_path / "w"
    world.mkdir()
    _two_versions(world, f'assets = "{assets}"')
    with pytest.raises(WorldError, match="assets: there is no folder"):
        WorldFiles.read(world)


def test_a_version_opened_as_the_root_lives_in_the_world_around_it(tmp_path: Path) -> None:
    """Definitions, scenarios of its own and journals are there; what else it has, is around it."""
    world = _two_versions(tmp_path, 'name = "w"\nassets = "air.v1"\n[modules."t/R@1"]\ncrate = "c"')
    for folder, name in ((world, "one"), (world / "air.v2", "two")):
        (folder / "scenarios").mkdir()
        (folder / f"scenarios/{name}.toml").write_text("", "utf-8")
    (world / "blobs").mkdir()
    (world / "blobs/b").write_bytes(b"blob")
    (world / "air.v2/.aos").mkdir()
    (world / "air.v2/.aos/x.json").write_text("hidden", "utf-8")
    first, second = WorldFiles.read(world / "air.v1"), WorldFiles.read(world / "air.v2")
    assert list(second.texts) == ["manifest.json", "plans/schema.json"]
    assert (_schemas(first), _schemas(second)) == (["t/S@1"], ["t/S@2"])
    assert (first.scenarios, second.scenarios) == (["one"], ["two"])
    assert (second.config.name, second.blobs) == ("w", (b"blob",))
    assert second.data_dir == world / "air.v2/.aos"
    module = DefModule("t/R@1", "reducer", None, None, {}, (), {})
    assert second.crate_of(module) == world / "c"


def test_a_version_may_have_a_world_toml_of_its_own(tmp_path: Path) -> None:
    version = _two_versions(tmp_path) / "air.v2"
    config(version, 'name = "next"')
    read = WorldFiles.read(version)
    assert (read.config.name, _schemas(read)) == ("next", ["t/S@2"])


def test_a_world_whose_own_name_begins_with_air_is_read_like_any_other(tmp_path: Path) -> None:
    world = tmp_path / "airline"
    world.mkdir()
    _two_versions(world, 'assets = "air.v1"')
    (world / "package.json").write_text("{}", "utf-8")
    assert _schemas(WorldFiles.read(world)) == ["t/S@1"]


def test_an_asset_that_is_no_text_is_named(world: Path) -> None:
    (world / "air/policy.air.json").write_bytes(b"\xff")
    with pytest.raises(CheckFailed, match=r"policy\.air\.json:1:1: not UTF-8: byte 0xff"):
        WorldFiles.read(world).catalog  # noqa: B018


def test_problems_of_assets_come_together(world: Path) -> None:
    (world / "air/policy.air.json").write_text("{", "utf-8")
    (world / "air/module.air.json").write_text('{"$kind": "defmodul"}', "utf-8")
    with pytest.raises(CheckFailed) as caught:
        WorldFiles.read(world).catalog  # noqa: B018
    files_named = {getattr(problem, "file", None) for problem in caught.value.problems}
    assert files_named >= {"air/policy.air.json", "air/module.air.json"}


def test_blobs_are_read_as_they_are(world: Path) -> None:
    assert WorldFiles.read(world).blobs == ()
    (world / "blobs").mkdir()
    (world / "blobs/b").write_bytes(b"\xff\0")
    (world / "blobs/a").write_bytes(b"first")
    assert WorldFiles.read(world).blobs == (b"first", b"\xff\0")


def test_scenarios_are_listed_by_name(world: Path) -> None:
    read = WorldFiles.read(world)
    assert read.scenarios == ["basic", "one-fails", "out-of-order", "two-at-once"]
    assert read.scenario_path("basic") == world / "scenarios/basic.toml"
    with pytest.raises(UsageError, match="there is no scenario 'x'") as caught:
        read.scenario_path("x")
    assert "one-fails" in (caught.value.hint or "")
    with pytest.raises(UsageError):
        read.scenario_path("../scenarios/basic")


# -- wasm -------------------------------------------------------------------------------------


def test_wasm_is_looked_for_in_its_order(world: Path) -> None:
    """Each place in turn is filled, the first first, and then taken away again."""
    by_hash = canon.sha256(WASM.read_bytes()).hex()
    modules = world / "modules"
    (modules / "Aggregator.wasm").unlink()
    places = [
        world / "elsewhere.wasm",
        modules / "Aggregator@1.wasm",
        modules / "Aggregator.wasm",
        modules / f"{by_hash}.wasm",
    ]
    for n, place in enumerate(places):
        place.write_bytes(b"\0asm" + bytes([n]))
    toml = (world / "world.toml").read_text("utf-8")
    named = toml.replace("crate =", 'wasm = "elsewhere.wasm"\ncrate =')
    (world / "world.toml").write_text(named, "utf-8")
    module = module_of(WorldFiles.read(EXAMPLE))
    assert WorldFiles.read(world).wasm_of(module) == b"\0asm\0"
    (world / "world.toml").write_text(toml, "utf-8")
    for n, place in enumerate(places[1:], 1):
        assert WorldFiles.read(world).wasm_of(module) == b"\0asm" + bytes([n])
        place.unlink()
    assert WorldFiles.read(world).wasm_of(module) is None, "prebuilt ones are for what ships"
    assert WorldFiles.read(EXAMPLE).wasm_of(module) == WASM.read_bytes()


def test_given_wasm_stands_before_all_that_is_on_disk(world: Path) -> None:
    read = WorldFiles.read(world, {REDUCER: b"given"})
    assert read.wasm_of(module_of(WorldFiles.read(EXAMPLE))) == b"given"


def test_wasm_that_is_named_and_not_there_is_an_error(world: Path) -> None:
    edit_json(world / "world.toml", "crate =", 'wasm = "nowhere.wasm"\ncrate =')
    with pytest.raises(ModuleMissing, match="cannot be read") as caught:
        WorldFiles.read(world).wasm_of(module_of(WorldFiles.read(EXAMPLE)))
    assert caught.value.where["file"] == world / "nowhere.wasm"


def test_a_prebuilt_module_must_be_the_one_its_lock_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "prebuilt_root", lambda: tmp_path)
    module = module_of(WorldFiles.read(EXAMPLE, {REDUCER: b""}))
    read = WorldFiles.read(EXAMPLE)
    with pytest.raises(ModuleMissing, match="cannot be read"):
        read.wasm_of(module)
    (tmp_path / "aggregator.wasm").write_bytes(b"\0asm")
    for lock in (None, "{", "[]", '{"other": {}}'):
        if lock is not None:
            (tmp_path / "lock").write_text(lock, "utf-8")
        with pytest.raises(ModuleMissing, match="does not name aggregator"):
            read.wasm_of(module)
    (tmp_path / "lock").write_text('{"aggregator": {"sha256": "00"}}', "utf-8")
    with pytest.raises(ModuleMissing, match="is not the file its lock names") as caught:
        read.wasm_of(module)
    assert caught.value.where["found"] == canon.sha256(b"\0asm").hex()


def test_what_is_watched_is_where_wasm_is_read_from(world: Path) -> None:
    assert WorldFiles.read(world).watched() == [world]
    folders = WorldFiles.read(EXAMPLE).watched()
    assert folders[:2] == [EXAMPLE, prebuilt_root()]
    assert {"aggregator", "sdk"} <= {folder.name for folder in folders}
    edit_json(world / "world.toml", "crate =", 'wasm = "../w.wasm"\ncrate =')
    assert WorldFiles.read(world).watched() == [world, world / ".."]


# -- where worlds and their data are ----------------------------------------------------------


def test_a_world_is_found_by_path_number_slug_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (listed,) = (of for of in bundled_worlds() if of.number == "04")
    assert (listed.slug, listed.path) == ("aggregator", EXAMPLE)
    assert listed.title and listed.summary
    monkeypatch.chdir(tmp_path)
    for name in ("04", "aggregator", "04-aggregator", "examples/04-aggregator", str(EXAMPLE)):
        assert find_world(name) == EXAMPLE
    with pytest.raises(UsageError, match="there is no world 'x'") as caught:
        find_world("x")
    assert "04 (aggregator)" in (caught.value.hint or "")


def test_journals_lie_in_the_world_unless_it_was_installed(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert WorldFiles.read(world).data_dir == world / ".aos"
    assert WorldFiles.read(EXAMPLE).data_dir == EXAMPLE / ".aos", "a checkout is its user's own"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(files, "_PACKAGE", world.parent)
    installed = WorldFiles.read(world).data_dir
    assert installed.parent == tmp_path / "data/aos/worlds"
    name, _, key = installed.name.rpartition("-")
    assert (name, len(key)) == ("aggregator", 12)


def test_journals_that_are_in_the_world_stay_there_where_nothing_can_be_written(
    world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("os.access", lambda *_: False)
    (world / ".aos/journal").mkdir(parents=True)
    assert WorldFiles.read(world).data_dir.parent == tmp_path / "data/aos/worlds"
    (world / ".aos/journal/main.log").touch()
    assert WorldFiles.read(world).data_dir == world / ".aos"


def test_two_installed_worlds_of_one_name_have_data_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PACKAGE", tmp_path)
    one, two = (WorldFiles.read(tiny_world(tmp_path / name)).data_dir for name in "ab")
    assert one != two and one.parent == two.parent


def test_what_is_no_world_says_so(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="there is no world at"):
        WorldFiles.read(tmp_path / "nothing")
    with pytest.raises(WorldError, match=r"there is no world\.toml"):
        WorldFiles.read(tmp_path)
    assert (ROOT / "examples").is_dir()


# -- blobs -----------------------------------------------------------------------------------


def test_a_blob_that_is_a_link_out_of_the_world_is_refused(world: Path, tmp_path: Path) -> None:
    """A stranger's world must not make a reader's file something that a request sends."""
    (tmp_path / "private").write_text("mine")
    (world / "blobs").mkdir()
    (world / "blobs/within").write_text("the world's")
    (world / "blobs/linked").symlink_to(world / "blobs/within")
    assert WorldFiles.read(world).blobs == (b"the world's", b"the world's")
    (world / "blobs/out").symlink_to(tmp_path / "private")
    with pytest.raises(WorldError, match="blobs/out leads out of the world"):
        WorldFiles.read(world)
