"""The menus: every action of the program with its key. They only ask; the window and the pages act."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QLineEdit, QMenu, QPushButton

from desktop_llm import __version__, keymap, paths
from desktop_llm.gui import key_dialog, shortcuts
from desktop_llm.gui.rail import OF_MODELS, WORK, page_titles

if TYPE_CHECKING:
    from desktop_llm.gui.window import MainWindow

RECENT = 8


class Menus(QObject):
    """Fills the menu bar of a window and keeps what can be done now enabled."""

    def __init__(self, window: MainWindow) -> None:
        """The menus live as long as the window."""
        super().__init__(window)
        self._window = window
        self._project: list[QAction] = []
        self._of_page: list[tuple[QAction, str]] = []
        self._buttons: list[tuple[QAction, str]] = []
        self._by_key: list[tuple[QAction, str, str]] = []
        self._of_models: list[QAction] = []
        self._of_classes: list[QAction] = []
        self._of_loop: list[QAction] = []
        self._build_file()
        self._build_edit()
        self._build_view()
        self._build_data()
        self._build_label()
        self._build_train()
        self._build_help()
        window.hub.settings_changed.connect(lambda _: self.show_keys())
        self.show_state()

    def show_state(self) -> None:
        """Another project or another page: enable what can be done there."""
        is_open = self._window.hub.project is not None
        for action in self._project:
            action.setEnabled(is_open)
        for action, page in self._of_page:
            action.setEnabled(is_open and self._window.page_name == page)
        task = self._window.hub.task
        for action, _ in self._buttons:
            action.setEnabled(task is None or task.learns)
            action.setVisible(task is None or task.learns)
        for action in self._of_models if task is not None and not task.learns else ():
            action.setEnabled(False)
        for action in self._of_models:
            action.setVisible(task is None or task.learns)
        for action in self._of_loop:
            action.setVisible(task is None or task.loop is not None)
        for action in self._of_classes:
            action.setEnabled(is_open and (task is None or task.classes))
            action.setVisible(task is None or task.classes)
        editor = shortcuts.editor_of(self._window)
        for action, name, _ in self._by_key:
            does = shortcuts.works(name, self._window.hub, editor)
            action.setVisible(does)
            action.setEnabled(does and action.isEnabled())
        self.show_keys()

    def show_keys(self) -> None:
        """The keys of the Label page's actions, as they are now: without Ctrl they are the page's and only told here,
        where they do not disturb typing.
        """
        hub, editor = self._window.hub, shortcuts.editor_of(self._window)
        for action, name, text in self._by_key:
            told = shortcuts.free_keys(name, hub, editor)
            text = self.tr("Keep it and go on") if name == "accept" and hub.task and not hub.task.learns else text
            action.setShortcuts([QKeySequence(key) for key in told if not keymap.is_plain(key)])
            plain = [keymap.words(key) for key in told if keymap.is_plain(key)]
            action.setText(f"{text}\t{plain[0]}" if plain and len(plain) == len(told) else text)

    # the menus, from left to right

    def _build_file(self) -> None:
        window, menu = self._window, self._menu("file", self.tr("&File"))
        self._add(menu, "file.new", self.tr("New project…"), "Ctrl+N", lambda: window.show_page("projects", new=True))
        self._add(
            menu, "file.open", self.tr("Open project…"), "Ctrl+O", lambda: window.show_page("projects", pick=True)
        )
        self._add(
            menu,
            "file.bundle",
            self.tr("Open a colleague’s bundle…"),
            "",
            lambda: window.show_page("projects", bundle=True),
        )
        self._recent = QMenu(self.tr("Open recent"), menu)
        self._recent.setObjectName("menu.recent")
        self._recent.aboutToShow.connect(self._fill_recent)
        menu.addMenu(self._recent)
        self._add(menu, "file.models", self.tr("Models…"), "", self._on_models)
        close = self._add(menu, "file.close", self.tr("Close project"), "Ctrl+W", window.close_project)
        self._project.append(close)
        menu.addSeparator()
        self._add(menu, "file.settings", self.tr("Settings"), "Ctrl+,", lambda: window.show_page("settings"))
        menu.addSeparator()
        self._add(menu, "file.quit", self.tr("Quit"), "Ctrl+Q", window.close)

    def _build_edit(self) -> None:
        menu = self._menu("edit", self.tr("&Edit"))
        menu.aboutToShow.connect(self.show_state)  # an editor has its keys by the row
        self._add_for_label(menu, "edit.undo", self.tr("Undo label"), "undo")
        self._add_for_label(menu, "edit.redo", self.tr("Do again"), "redo")
        menu.addSeparator()
        edit = self._add(menu, "edit.labels", self.tr("Edit labels…"), "Ctrl+L", self._on_edit_labels)
        self._project.append(edit)
        self._of_classes.append(edit)

    def _build_view(self) -> None:
        window, menu = self._window, self._menu("view", self.tr("&View"))
        titles = page_titles()
        for number, name in enumerate(WORK, 1):
            page = self._add(
                menu, f"view.{name}", titles[name], f"Ctrl+{number}", lambda name=name: window.show_page(name)
            )
            self._project.append(page)
            if name in OF_MODELS:
                self._of_models.append(page)
        self._add(menu, "view.projects", titles["projects"], "Ctrl+0", lambda: window.show_page("projects"))
        menu.addSeparator()
        looks = QMenu(self.tr("Appearance"), menu)
        menu.addMenu(looks)
        group = QActionGroup(self)
        words = {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        for scheme, text in words.items():
            look = self._add(
                looks, f"view.{scheme}", text, "", lambda scheme=scheme: window.hub.save_settings(theme=scheme)
            )
            look.setCheckable(True)
            group.addAction(look)
            looks.aboutToShow.connect(
                lambda look=look, scheme=scheme: look.setChecked(window.hub.settings.theme == scheme)
            )
        self._add(menu, "view.full", self.tr("Full screen"), "F11", window.turn_full_screen)

    def _build_data(self) -> None:
        menu = self._menu("data", self.tr("&Data"))
        window = self._window
        bring = self._add(
            menu, "data.import", self.tr("Import files…"), "Ctrl+I", lambda: window.show_page("data", pick=True)
        )
        self._project.append(bring)
        folder = self._add(
            menu, "data.import_folder", self.tr("Import a folder…"), "", lambda: window.show_page("data", folder=True)
        )
        self._project.append(folder)
        self._project.append(self._add(menu, "data.find", self.tr("Find in the texts"), "Ctrl+F", self._on_find))
        menu.addSeparator()
        for name, text, told in (
            ("data.send", self.tr("Send to a colleague…"), {"send": True}),
            ("data.take", self.tr("Take in a bundle…"), {"take": True}),
            ("data.people", self.tr("People"), {"tab": "people"}),
        ):
            self._project.append(self._add(menu, name, text, "", lambda told=told: window.show_page("data", **told)))

    def _build_label(self) -> None:
        menu = self._menu("label", self.tr("&Label"))
        menu.aboutToShow.connect(self.show_state)
        self._add_for_label(menu, "label.accept", self.tr("Accept the suggestion"), "accept")
        self._add_for_label(menu, "label.skip", self.tr("Skip"), "skip")
        self._add_for_label(menu, "label.clear", self.tr("Take the label away"), "clear")
        self._add_for_label(menu, "label.repeat", self.tr("Repeat the last label"), "repeat")
        self._add_for_label(menu, "label.next", self.tr("Next"), "next")
        self._add_for_label(menu, "label.previous", self.tr("Previous"), "previous")
        self._add_for_label(menu, "label.find", self.tr("Find a label"), "find")
        menu.addSeparator()
        for name, text, command in (
            ("label.list", self.tr("List or single rows"), "list"),
            ("label.page_next", self.tr("Next page of the list"), "page_next"),
            ("label.page_previous", self.tr("Previous page of the list"), "page_previous"),
        ):
            self._add_for_label(menu, name, text, command)
        self._add_for_label(menu, "label.advance", self.tr("Go on after a label, or stay"), "advance")
        self._add_for_label(menu, "label.guideline", self.tr("Guideline"), "guideline")
        self._add_for_label(menu, "label.why", self.tr("Ask a run why"), "why")
        self._add_for_label(menu, "label.history", self.tr("History of the row"), "history")
        menu.addSeparator()
        server = self._add(menu, "label.server", self.tr("Suggestions from a server…"), "", self._on_server)
        self._project.append(server)
        self._of_loop.append(server)
        self._add(menu, "label.keys", self.tr("Keys…"), "", self._on_keys)

    def _build_train(self) -> None:
        window, menu = self._window, self._menu("train", self.tr("&Train"))
        start = self._add(
            menu, "train.start", self.tr("Start training"), "Ctrl+T", lambda: window.show_page("train", start=True)
        )
        self._project.append(start)
        for name, text, keys in (
            ("train.pause", self.tr("Pause or go on"), "Ctrl+P"),
            ("train.stop", self.tr("Stop and keep the model"), ""),
            ("train.resume", self.tr("Resume the run"), ""),
            ("train.server", self.tr("Train on a server…"), ""),
        ):
            self._buttons.append((self._add(menu, name, text, keys, lambda name=name: self._press(name)), name))
        menu.aboutToShow.connect(self._on_train_menu)
        # Greyed for the eye alone: the key must work later, when the menu is not there to ask.
        menu.aboutToHide.connect(self._on_train_menu_gone)
        back = self._add(
            menu,
            "train.back",
            self.tr("Take back from a server…"),
            "",
            lambda: window.show_page("train", take_back=True),
        )
        self._project.append(back)
        menu.addSeparator()
        export = self._add(
            menu, "train.export", self.tr("Export a model…"), "Ctrl+E", lambda: window.show_page("export")
        )
        self._project.append(export)
        self._of_models += [menu.menuAction(), start, back, export]

    def _build_help(self) -> None:
        window, menu = self._window, self._menu("help", self.tr("&Help"))
        self._add(menu, "help.keys", self.tr("Keys"), "F1", lambda: shortcuts.show_sheet(window.hub, window))
        self._add(menu, "help.log", self.tr("Open the log's folder"), "", self._on_log_folder)
        version = self._add(menu, "help.version", f"desktop_llm {__version__}", "", lambda: None)
        version.setEnabled(False)

    # what is behind them

    def _menu(self, name: str, title: str) -> QMenu:
        menu = QMenu(title, self._window)
        menu.setObjectName(f"menu.{name}")
        self._window.menuBar().addMenu(menu)
        return menu

    def _add(self, menu: QMenu, name: str, text: str, keys: str, done: Callable[..., object]) -> QAction:
        action = QAction(text, self._window)
        action.setObjectName(f"action.{name}")
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: done())
        menu.addAction(action)
        return action

    def _add_for_label(self, menu: QMenu, name: str, text: str, command: str) -> QAction:
        """A command of the Label page, which can only be done while it is seen: nobody undoes blindly."""
        added = self._add(menu, name, text, "", lambda: self._window.page("label").do(command))
        added.setProperty(shortcuts.COMMAND, command)
        self._of_page.append((added, "label"))
        self._by_key.append((added, command, text))
        return added

    def _fill_recent(self) -> None:
        self._recent.clear()
        hub = self._window.hub
        for place in hub.settings.recent_projects[:RECENT]:
            # An ampersand in a folder's name is no access key.
            action = self._recent.addAction(place.replace("&", "&&"))
            action.triggered.connect(lambda _checked=False, place=place: self._window.open_recent(place))
        self._recent.setEnabled(True)
        if not self._recent.actions():
            self._recent.addAction(self.tr("None yet")).setEnabled(False)

    def _button(self, name: str) -> QPushButton | None:
        found: QPushButton | None = self._window.findChild(QPushButton, name)
        return found

    def _press(self, name: str) -> None:
        """Show the Train page and press its button, if it can be pressed."""
        if self._window.hub.project is None:
            return
        self._window.show_page("train")
        found = self._button(name)
        if found is not None and found.isVisible():
            found.click()

    def _on_train_menu(self) -> None:
        for action, name in self._buttons:
            found = self._button(name)
            # Hidden with its page is no reason; hidden by the page is.
            action.setEnabled(found is not None and found.isEnabled() and not found.isHidden())

    def _on_train_menu_gone(self) -> None:
        for action, _ in self._buttons:
            action.setEnabled(True)

    def _on_find(self) -> None:
        self._window.show_page("data")
        field = self._window.findChild(QLineEdit, "data.search")
        if isinstance(field, QLineEdit):
            field.setFocus()
            field.selectAll()

    def _on_edit_labels(self) -> None:
        self._window.show_page("label")
        self._window.page("label").do("edit")

    def _on_models(self) -> None:
        from desktop_llm.gui.pages import models_dialog

        models_dialog.open_dialog(self._window.hub, self._window)

    def _on_server(self) -> None:
        from desktop_llm.gui.pages import server_dialog

        server_dialog.open_dialog(self._window.hub, self._window)

    def _on_keys(self) -> None:
        key_dialog.open_dialog(self._window.hub, self._window)

    def _on_log_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.log_dir())))
