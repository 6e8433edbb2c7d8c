/*
 * Checks dashboards against Grafana's own types: dashboard_schema.js MODULES FILE...
 *
 * MODULES is the node_modules that holds them. Each violation is a line, "FILE: where: what";
 * the status is 1 if there are any. The types are those that Grafana's front end is compiled
 * with: the whole dashboard, then what that type leaves open, which is the options and field
 * options of each kind of panel and the queries.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const modules = path.resolve(process.argv[2]);
const require = createRequire(path.join(modules, 'none.js'));
const { createGenerator } = require('ts-json-schema-generator');
const Ajv = require('ajv').default;
const raw = path.join(modules, '@grafana/schema/dist/types/raw');
const dashboardTypes = 'dashboard/x/types.gen.d.ts';

/* Queries' types are not in the package for these; the members that the dashboards may use. */
const query = { refId: 'string', datasource: 'object', expr: 'string', legendFormat: 'string' };
const queries = {
	prometheus: { ...query, instant: 'boolean', range: 'boolean', exemplar: 'boolean', format: 'string' },
	loki: { ...query, queryType: 'string', maxLines: 'number' },
};

/* Of an annotation, beside what every data source has. */
const annotation = ['expr', 'step', 'titleFormat', 'textFormat', 'tagKeys'];

/* Some kinds have no field options, and alert lists no type at all. */
const kinds = {
	timeseries: ['Options', 'FieldConfig'],
	table: ['Options', 'FieldConfig'],
	stat: ['Options'],
	gauge: ['Options'],
	bargauge: ['Options'],
	logs: ['Options'],
	text: ['Options'],
	alertlist: [],
	row: [],
};

function schemaOf(file, type) {
	return createGenerator({ path: path.join(raw, file), type, skipTypeCheck: true }).createSchema(type);
}

function compile(schema) {
	return new Ajv({ allErrors: true, strict: false }).compile(schema);
}

/* Panels are checked one by one, which says more than that none of the kinds of panel fits; and
 * an annotation is also its data source's query, which the type forgets. */
function compileDashboard() {
	const schema = schemaOf(dashboardTypes, 'Dashboard');
	const { Dashboard, AnnotationQuery } = schema.definitions;
	Dashboard.properties.panels.items = {};
	for (const name of annotation)
		AnnotationQuery.properties[name] = { type: 'string' };
	AnnotationQuery.required.push('expr');
	return compile(schema);
}

/* Grafana fills in those that are missing. */
function compileOptions(kind, type) {
	const schema = schemaOf(`composable/${kind}/panelcfg/x/types.gen.d.ts`, type);
	delete schema.definitions[type].required;
	return compile(schema);
}

function compileQuery(members) {
	const properties = Object.fromEntries(Object.entries(members).map(([name, type]) => [name, { type }]));
	return compile({
		type: 'object', properties, required: ['refId', 'datasource', 'expr'], additionalProperties: false,
	});
}

const checks = {
	Dashboard: compileDashboard(),
	Panel: compile(schemaOf(dashboardTypes, 'Panel')),
	RowPanel: compile(schemaOf(dashboardTypes, 'RowPanel')),
};
for (const [kind, types] of Object.entries(kinds))
	for (const type of types)
		checks[`${kind} ${type}`] = compileOptions(kind, type);
for (const [source, members] of Object.entries(queries))
	checks[source] = compileQuery(members);

/* The violations of one value, as text. */
function violations(check, value, where) {
	if (check(value))
		return [];
	return check.errors.map((error) => {
		const what = error.params.additionalProperty ?? error.params.allowedValues?.join(' ') ?? '';
		return `${where}${error.instancePath}: ${error.message} ${what}`.trim();
	});
}

function panelViolations(panel, where) {
	if (!(panel.type in kinds))
		return [`${where}: a panel of kind ${panel.type}`];
	const found = violations(checks[panel.type === 'row' ? 'RowPanel' : 'Panel'], panel, where);
	if (kinds[panel.type].includes('Options'))
		found.push(...violations(checks[`${panel.type} Options`], panel.options, `${where}/options`));
	if (kinds[panel.type].includes('FieldConfig'))
		found.push(...violations(checks[`${panel.type} FieldConfig`],
			panel.fieldConfig?.defaults?.custom ?? {}, `${where}/custom`));
	for (const target of panel.targets ?? []) {
		const check = checks[target.datasource?.type];
		found.push(...check ? violations(check, target, `${where}/targets/${target.refId}`) :
			[`${where}/targets/${target.refId}: a query of ${target.datasource?.type}`]);
	}
	return found;
}

function dashboardViolations(dashboard) {
	const found = violations(checks.Dashboard, dashboard, '');
	for (const panel of dashboard.panels ?? [])
		found.push(...panelViolations(panel, `/panels/${panel.title ?? panel.id}`));
	return found;
}

let bad = 0;
for (const file of process.argv.slice(3)) {
	const found = dashboardViolations(JSON.parse(fs.readFileSync(file, 'utf8')));
	for (const line of found)
		console.log(`${file}: ${line}`);
	bad += found.length;
}
process.exit(bad ? 1 : 0);
