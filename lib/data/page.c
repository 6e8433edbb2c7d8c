#include "lib/data/page.h"

#include "lib/base/ctx.h"

enum err
page_refuse(struct ctx *cx, enum err e, const struct page *page)
{
	if (e == ERR_DEADLINE && page->offset > 0)
		return ctx_refuse(
		    cx, e, "a page this deep takes too long: follow the list by after=");
	return e;
}
