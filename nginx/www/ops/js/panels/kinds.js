// Who draws which kind of panel. Each takes (host, context), and returns null when there is
// nothing to show, else an object that may have destroy().
import * as alertlist from './alertlist.js';
import * as bargauge from './bargauge.js';
import * as gauge from './gauge.js';
import * as logs from './logs.js';
import * as stat from './stat.js';
import * as table from './table.js';
import * as text from './text.js';
import * as timeseries from './timeseries.js';

export const KINDS = { alertlist, bargauge, barchart: bargauge, gauge, graph: timeseries, logs, stat, table, text, timeseries };
