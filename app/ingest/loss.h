/*
 * Clicks that were in the journal and are gone, as far as the journal itself can show it:
 * - a segment is no longer there, and nobody removed it because all of it was stored;
 * - a segment is shorter than what is stored of it: who writes it goes on where nothing is
 *   read any more.
 * What is not seen: what vanished while no terse-ingest ran, and the end of a segment that was
 * cut off before it was stored (a write that ends short is taken back in the same way). A
 * segment that can't be read is not lost: it is tried again, and the lag grows.
 */
#ifndef APP_INGEST_LOSS_H
#define APP_INGEST_LOSS_H

struct sources;

/* Compares the listing with the one before; counts and logs what is gone, each once. */
void loss_look(struct sources *s);

#endif
