"""Dresses the whole program: Fusion, a palette, and one style sheet made from the tokens of `widgets.theme`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from desktop_llm import paths
from desktop_llm.widgets import theme
from desktop_llm.widgets.theme import DARK, LIGHT, Palette

SHEET = """
* { font-size: 13px; color: %(text)s; }
QMainWindow, QDialog, QWidget[role="page"] { background: %(bg)s; }
QLabel { background: transparent; }
QLabel[role="muted"] { color: %(muted)s; font-size: 12px; }
QLabel[role="page-title"] { font-size: 20px; font-weight: 600; }
QLabel[role="card-title"] { font-weight: 600; }
QLabel[role="tile-value"] { font-size: 20px; font-weight: 600; }
QLabel[role="empty-title"] { font-size: 18px; font-weight: 600; }
QLabel[role="item-text"] { font-size: 19px; }
QLabel[role="reading-text"], QPlainTextEdit[role="item-text"] { font-size: 16px; }
QPlainTextEdit[role="turn-text"] { font-size: 15px; padding: 2px 4px; }
QLabel[role="bad"] { color: %(bad)s; }
QLabel[role="warn"] { color: %(warn)s; }
QLabel[role="good"] { color: %(good)s; }
QLabel[role="legend-accent"] { color: %(accent)s; font-size: 12px; }
QLabel[role="legend-second"] { color: %(second)s; font-size: 12px; }
QLabel[role="legend-good"] { color: %(good)s; font-size: 12px; }
QLabel[role="legend-bad"] { color: %(bad)s; font-size: 12px; }
QLabel[role="legend-warn"] { color: %(warn)s; font-size: 12px; }
QLabel[role="legend-muted"] { color: %(muted)s; font-size: 12px; }
QLabel[role="chip"] { color: %(accent)s; background: %(accent_soft)s; border-radius: 9px; padding: 2px 10px;
  font-size: 12px; }
QLabel[role="keycap"] { color: %(muted)s; background: %(bg)s; border: 1px solid %(line)s; border-radius: 4px;
  padding: 1px 7px; font-size: 12px; }
QFrame[role="card"] { background: %(surface)s; border: 1px solid %(line)s; border-radius: 8px; }
QFrame[role="drop"] { background: %(surface)s; border: 2px dashed %(line)s; border-radius: 8px; }
QFrame[role="drop"][over="true"] { border-color: %(accent)s; background: %(accent_soft)s; }
QFrame[role="banner"] { background: %(surface)s; border: 1px solid %(line)s; border-left: 4px solid %(bad)s;
  border-radius: 6px; }
QFrame[role="banner"][level="warning"] { border-left-color: %(warn)s; }
QFrame[role="banner"][level="info"] { border-left-color: %(accent)s; }
QWidget[role="rail"] { background: %(rail)s; border-right: 1px solid %(line)s; }
QWidget[role="rail"] QLabel, QWidget[role="rail"] QPushButton { border: none; }
QPushButton { background: %(surface)s; border: 1px solid %(line)s; border-radius: 6px; padding: 6px 14px;
  min-height: 18px; }
QPushButton:hover { background: %(hover)s; }
QPushButton:pressed { background: %(accent_soft)s; }
QPushButton:focus { border-color: %(accent)s; }
QPushButton:disabled { color: %(muted)s; background: %(bg)s; }
QPushButton[kind="primary"] { background: %(accent)s; color: %(on_accent)s; border-color: %(accent)s;
  font-weight: 600; }
QPushButton[kind="primary"]:hover { background: %(accent_hover)s; }
QPushButton[kind="primary"]:focus { border: 2px solid %(text)s; padding: 5px 13px; }
QPushButton[kind="primary"]:disabled { background: %(line)s; border-color: %(line)s; color: %(muted)s; }
QPushButton[kind="danger"] { color: %(bad)s; }
QPushButton[kind="quiet"] { background: transparent; border: 1px solid transparent; color: %(accent)s;
  padding: 4px 8px; }
QPushButton[kind="quiet"]:hover { background: %(hover)s; }
QPushButton[kind="quiet"]:focus { border-color: %(accent)s; }
QPushButton[kind="rail"] { background: transparent; border: 1px solid transparent; color: %(muted)s;
  text-align: left; padding: 7px 10px; border-radius: 6px; }
QPushButton[kind="rail"]:hover { background: %(hover)s; color: %(text)s; }
QPushButton[kind="rail"]:focus { border-color: %(accent)s; }
QPushButton[kind="rail"]:checked { background: %(accent_soft)s; color: %(accent)s; font-weight: 600; }
QPushButton[kind="rail"]:disabled { background: transparent; color: %(faint)s; }
QPushButton[kind="choice-row"] { min-height: 32px; background: transparent; border: 1px solid transparent;
  border-radius: 6px; padding: 0; text-align: left; }
QPushButton[kind="choice-row"]:hover { background: %(hover)s; }
QPushButton[kind="choice-row"]:pressed { background: %(hover)s; border-color: %(accent)s; }
QPushButton[kind="choice-row"]:checked { background: %(accent_soft)s; }
QPushButton[kind="decision"] { padding: 9px 14px; }
QPushButton[kind="decision"]:checked,
QPushButton[kind="toggle"]:checked { border-color: %(accent)s; background: %(accent_soft)s; color: %(accent)s; }
QPushButton[kind="choice"] { text-align: left; padding: 10px 12px; }
QPushButton[kind="choice"]:checked { border-color: %(accent)s; background: %(accent_soft)s; }
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox { background: %(surface)s;
  border: 1px solid %(line)s; border-radius: 6px; padding: 5px 8px; min-height: 18px;
  selection-background-color: %(accent)s; selection-color: %(on_accent)s; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {
  border-color: %(accent)s; }
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled { color: %(muted)s;
  background: %(bg)s; }
QTextEdit[role="told"] { background: transparent; border: none; padding: 0; font-size: 15px; }
QFrame[role="bubble"] { background: %(hover)s; border: 1px solid %(line)s; border-radius: 8px; }
QFrame[role="bubble"][who="assistant"] { background: %(accent_soft)s; }
QComboBox::drop-down { subcontrol-origin: padding; subcontrol-position: center right; border: none; width: 24px; }
QComboBox::down-arrow { image: url(%(icons)s/down.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: %(surface)s; border: 1px solid %(line)s; border-radius: 6px; padding: 4px;
  outline: none; selection-background-color: %(accent_soft)s; selection-color: %(text)s; }
QSpinBox, QDoubleSpinBox { padding: 3px 0; min-height: 19px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-position: top right; border: none; width: 20px; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-position: bottom right; border: none; width: 20px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(%(icons)s/up.svg); width: 9px; height: 9px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url(%(icons)s/down.svg); width: 9px; height: 9px; }
QCheckBox { spacing: 8px; background: transparent; }
QCheckBox::indicator { width: 16px; height: 16px; border: 1px solid %(muted)s; border-radius: 4px;
  background: %(surface)s; }
QCheckBox::indicator:checked { background: %(accent)s; border-color: %(accent)s;
  image: url(%(icons)s/check.svg); }
QCheckBox:focus { color: %(accent)s; }
QTableView, QListView, QTreeView { background: %(surface)s; border: none; outline: none; gridline-color: %(line)s;
  selection-background-color: %(accent_soft)s; selection-color: %(text)s; alternate-background-color: %(surface)s; }
QTableView::item { padding: 4px 8px; border-bottom: 1px solid %(line)s; }
QListView::item { padding: 7px 8px; border-bottom: 1px solid %(line)s; }
QTableView::item:selected, QListView::item:selected { background: %(accent_soft)s; color: %(text)s; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { font-weight: 400; background: %(surface)s; color: %(muted)s; font-size: 12px; border: none;
  border-bottom: 1px solid %(line)s; padding: 6px 11px; text-align: left; }
QTableCornerButton::section { background: %(surface)s; border: none; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: %(line)s; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: %(muted)s; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none;
  border: none; width: 0; height: 0; }
QProgressBar { background: %(line)s; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: %(accent)s; border-radius: 3px; }
QProgressBar::chunk:disabled { background: %(muted)s; }
QStatusBar { background: %(surface)s; border-top: 1px solid %(line)s; }
QStatusBar::item { border: none; }
QStatusBar QLabel { padding-left: 4px; color: %(muted)s; font-size: 12px; }
QMenuBar { background: %(bg)s; border-bottom: 1px solid %(line)s; padding: 2px; }
QMenuBar::item { background: transparent; padding: 4px 10px; border-radius: 4px; }
QMenuBar::item:selected { background: %(hover)s; }
QMenu { background: %(surface)s; border: 1px solid %(line)s; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: %(accent_soft)s; }
QMenu::item:disabled { color: %(muted)s; }
QMenu::separator { height: 1px; background: %(line)s; margin: 4px 8px; }
QToolTip { background: %(surface)s; color: %(text)s; border: 1px solid %(line)s; padding: 6px; }
QSplitter::handle { background: transparent; }
QSlider::groove:horizontal { height: 4px; background: %(line)s; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: %(accent)s; }
QTabBar::tab { background: transparent; color: %(muted)s; padding: 6px 12px; border: none; }
QTabBar::tab:selected { color: %(accent)s; border-bottom: 2px solid %(accent)s; }
QTabWidget::pane { border: none; }
"""


def apply(app: QApplication, scheme: str) -> None:
    """Dress `app` in light, dark, or as the system has it (`system`), and follow the system from then on."""
    if not app.property("dressed"):
        app.setProperty("dressed", True)
        app.setStyle("Fusion")
        font = QFont(app.font())
        font.setPixelSize(13)
        app.setFont(font)
        app.styleHints().colorSchemeChanged.connect(lambda _: _follow(app))
    if app.property("scheme") == scheme:
        return
    app.setProperty("scheme", scheme)
    _dress(app, _palette(app, scheme))


def _palette(app: QApplication, scheme: str) -> Palette:
    if scheme == "system":
        return DARK if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if scheme == "dark" else LIGHT


def _follow(app: QApplication) -> None:
    if app.property("scheme") == "system":
        _dress(app, _palette(app, "system"))


def _dress(app: QApplication, chosen: Palette) -> None:
    tokens = {name: getattr(chosen, name) for name in chosen.__dataclass_fields__}
    tokens["icons"] = _icons(chosen).as_posix()
    app.setPalette(_qt_palette(chosen))
    app.setStyleSheet(SHEET % tokens)
    theme.choose(chosen)


def _qt_palette(chosen: Palette) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: chosen.bg,
        QPalette.ColorRole.WindowText: chosen.text,
        QPalette.ColorRole.Base: chosen.surface,
        QPalette.ColorRole.AlternateBase: chosen.hover,
        QPalette.ColorRole.Text: chosen.text,
        QPalette.ColorRole.Button: chosen.surface,
        QPalette.ColorRole.ButtonText: chosen.text,
        QPalette.ColorRole.Highlight: chosen.accent,
        QPalette.ColorRole.HighlightedText: chosen.on_accent,
        QPalette.ColorRole.ToolTipBase: chosen.surface,
        QPalette.ColorRole.ToolTipText: chosen.text,
        QPalette.ColorRole.PlaceholderText: chosen.muted,
        QPalette.ColorRole.Link: chosen.accent,
    }
    for role, color in roles.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(chosen.muted))
    return palette


def _icons(chosen: Palette) -> Path:
    """The arrows and ticks that a style sheet can only take from files, in this palette's colours."""
    folder = Path(tempfile.gettempdir()) / "desktop_llm-icons"
    try:
        folder = paths.config_dir() / "icons" / ("dark" if chosen.dark else "light")
        folder.mkdir(parents=True, exist_ok=True)
        for name, color in (("down", chosen.muted), ("up", chosen.muted), ("check", chosen.on_accent)):
            drawn = paths.resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("#000000", color)
            target = folder / f"{name}.svg"
            if not target.exists() or target.read_text(encoding="utf-8") != drawn:
                target.write_text(drawn, encoding="utf-8")
    except OSError:  # a read-only home: plain arrows are missing, nothing else
        return folder
    return folder
