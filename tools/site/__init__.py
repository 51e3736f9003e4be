"""The site · 网站

Turns the bilingual pages of ``docs/`` into a site, notebooks and tests.  One file holds both
languages of a page, its code once and its outputs once; everything else is made from that file.

Reading order: model, parse, blocks, parity, lock, play, host (what a page is and when it is
right); modules, symbols, listing, emit, reference, navigation, assemble, sitemap, hook (the
site); notebooks, wheels, web, serve (what goes with it).
"""
