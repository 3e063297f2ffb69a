"""The language of the window: a translation shipped under resources/translations, else the English of the source."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_llm import paths


def speak(app: QApplication, locale: QLocale | None = None) -> list[QTranslator]:
    """Install what there is for `locale` (the system's, unless told); returns what was installed."""
    locale = locale or QLocale.system()
    folders = {
        "desktop_llm": str(paths.resource("translations")),
        "qtbase": QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath),
    }
    installed = []
    for name, folder in folders.items():
        translator = QTranslator(app)
        if translator.load(locale, name, "_", folder):
            app.installTranslator(translator)
            installed.append(translator)
        if name == "desktop_llm" and not installed:
            break  # Qt's own words in another language than ours would be a patchwork
    return installed
