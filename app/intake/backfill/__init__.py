"""Exports of dossiers as offices have them: a spreadsheet or CSV, a row a dossier, read as the portal's payload is."""
