/** The colours of pages, by light and dark; a test holds each pair of text and ground to WCAG AA. */
export const COLOURS = {
  light: {
    ground: '#ffffff',
    card: '#f3f5f7',
    line: '#c5ccd3',
    text: '#1b1f24',
    quiet: '#525b66',
    link: '#0a55c0',
    done: '#1a7f37',
    alert: '#b3261e',
    note: '#7a3ea8',
  },
  dark: {
    ground: '#14171a',
    card: '#1e2328',
    line: '#454d56',
    text: '#e6e9ec',
    quiet: '#a6afb8',
    link: '#82b6ff',
    done: '#56d364',
    alert: '#ff9a92',
    note: '#d2a8ff',
  },
} as const;

function variables(colours: Readonly<Record<string, string>>): string {
  const each = Object.entries(colours).map(([name, value]) => `--${name}:${value}`);
  return `:root{${each.join(';')}}`;
}

/** The one stylesheet. It travels in each page, whose policy names its hash. */
export const STYLE = `${variables(COLOURS.light)}
@media (prefers-color-scheme:dark){${variables(COLOURS.dark)}}
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:var(--ground);color:var(--text)}
main{max-width:80rem;margin:0 auto;padding:0 1rem 3rem}
main.narrow{max-width:28rem;padding-top:1.5rem}
a{color:var(--link)}
a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,summary:focus-visible,
[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:.9rem;margin:0 0 .5rem}
label{display:block;margin:.75rem 0}
input,select,textarea,button{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--quiet);border-radius:.3rem;padding:.3rem .6rem}
input,select,textarea{display:block;width:100%;margin-top:.2rem}
input[type=checkbox],input[type=radio]{display:inline-block;width:1.1rem;height:1.1rem;margin:0 .4rem 0 0;vertical-align:-.15rem}
button{margin:.5rem .5rem 0 0;cursor:pointer}
main button{background:var(--link);border-color:var(--link);color:var(--ground);font-weight:600}
main button+button,main form+form button,main td button{background:none;border-color:var(--quiet);color:inherit;font-weight:400}
button:hover{text-decoration:underline}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
[role=alert]{color:var(--alert)}
code,dt{overflow-wrap:anywhere}
main.narrow code{font-size:1.5rem;letter-spacing:.1em}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.5rem}
header{border-bottom:1px solid var(--line);background:var(--card)}
header div{max-width:80rem;margin:0 auto;padding:.5rem 1rem;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline}
header a{color:inherit;font-weight:600;text-decoration:none}
header a:hover{text-decoration:underline}
header form{display:flex;flex-wrap:wrap;gap:.25rem .5rem;align-items:baseline}
header label{display:flex;gap:.5rem;align-items:baseline;margin:0}
header select{width:auto;max-width:14rem}
header select,header button{margin:0;padding:.15rem .5rem}
.who{margin-left:auto}
.sections{border-bottom:1px solid var(--line)}
.sections ul{list-style:none;max-width:80rem;margin:0 auto;padding:.25rem 1rem 0;display:flex;flex-wrap:wrap;gap:0 1.25rem}
.sections a{display:block;padding:.35rem 0;border-bottom:3px solid transparent;text-decoration:none}
.sections a:hover{text-decoration:underline}
.sections a[aria-current]{color:var(--text);border-bottom-color:var(--link)}
.crumbs{max-width:80rem;margin:0 auto;padding:1rem 1rem 0}
.crumbs ol{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem .5rem;margin:0;padding:0}
.crumbs li+li::before{content:"/";margin-right:.5rem;color:var(--quiet)}
fieldset{border:1px solid var(--line);border-radius:.4rem;margin:.75rem 0;padding:.25rem .75rem .75rem;min-width:0}
fieldset label{margin:.4rem 0;overflow-wrap:anywhere}
summary{cursor:pointer;white-space:nowrap}
.front{margin:1rem 0}
.fields{max-width:32rem}
.filter{margin:1rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:end}
.filter label{margin:0;min-width:12rem}
.filter button{margin:0}
td time{white-space:nowrap}
td.plain code{overflow-wrap:normal}
td ul{margin:0;padding-left:1.1rem}
td form{display:flex;flex-wrap:wrap;gap:.25rem .5rem;align-items:baseline}
td form select{width:auto;margin:0}
td form button{margin:0}
td select,td button{padding:.1rem .5rem}
.secret{display:block;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.75rem 1rem}
meter{width:16rem;max-width:100%}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.quiet,caption,figcaption,time{color:var(--quiet)}
.alert{color:var(--alert)}
.scroll{overflow-x:auto;margin:0 -.75rem;padding:3px 0}
.scroll caption{padding:.25rem .75rem}
table{border-collapse:collapse;min-width:min(100%,40rem)}
caption{text-align:left;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem;border-bottom:1px solid var(--line)}
th{white-space:nowrap;font-size:.85rem;color:var(--quiet)}
tbody tr:hover{background:var(--card)}
time{white-space:nowrap}
td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td code{overflow-wrap:normal}
td.name{overflow-wrap:anywhere;min-width:9rem}
td.plain:first-child{min-width:8.5rem}
td.name:not(:first-child){min-width:14rem}
.board{display:flex;gap:.35rem;overflow-x:auto;padding:3px 0 .5rem}
.lane{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.4rem;flex:1 0 5.9rem}
.lane:has(li){flex:3 0 9rem}
.lane h3{font-size:.8rem}
.lane h3 span{display:block}
.lane ul{list-style:none;margin:0;padding:0}
.lane li{background:var(--ground);border:1px solid var(--line);border-radius:.3rem;padding:.35rem .5rem;margin-bottom:.35rem;overflow-wrap:anywhere}
@media (max-width:45rem){.board{flex-wrap:wrap}.lane,.lane:has(li){flex:1 0 auto}.lane:has(li){width:100%}.lane:not(:has(li)) h3{margin:0}.lane h3 span{display:inline}}
.filters{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:0 1rem}
.filters .wide{grid-column:span 2}
.filters label{margin:.25rem 0}
.filters p{margin:.5rem 0;grid-column:1/-1}
.steps{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:0;list-style:none}
article{margin:1rem 0;overflow-wrap:break-word}
.nest,.lines li{overflow-wrap:anywhere}
.text{max-width:60rem}
.text h2,.text h3{margin:2rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
.text h2{font-size:1.4rem}
.text h3{font-size:1.2rem}
.text h4{font-size:1.05rem;margin:1.5rem 0 .5rem}
.text h5,.text h6{font-size:1rem;margin:1.5rem 0 .5rem}
.text table,.diff table{min-width:0}
.text table code{overflow-wrap:normal}
.text th{white-space:normal}
.task{display:inline-block;width:.8em;height:.8em;border:.1em solid var(--quiet);border-radius:.15em;margin-right:.4em}
.ticked{border-width:.4em}
.text pre{overflow-x:auto;white-space:pre}
.text pre code{overflow-wrap:normal}
pre,code,.lines,.diff td{font-family:ui-monospace,monospace;font-size:.875rem}
:not(pre)>code{background:var(--card);border-radius:.2rem;padding:.1rem .25rem}
blockquote{margin:1rem 0;padding-left:1rem;border-left:4px solid var(--line);color:var(--quiet)}
hr{border:0;border-top:1px solid var(--line)}
.ways ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0}
.ways [aria-current]{font-weight:bold;color:var(--text)}
.nest{list-style:none;margin:0;padding-left:1.25rem}
article>.nest,td>.nest{padding-left:0}
.nest span,.lines li{white-space:pre-wrap}
.nest .key{font-weight:600}
.nest summary{white-space:normal}
.lines{padding-left:3.5rem}
.lines li::marker{color:var(--quiet)}
.diff td{white-space:pre-wrap;border:0}
.diff th,.diff td{padding:0 .4rem}
ins,del{text-decoration:none}
ins,.c-text{color:var(--done)}
del{color:var(--alert)}
.c-word{color:var(--link)}
.c-number{color:var(--note)}
.c-name{font-weight:600}
.c-quiet{color:var(--quiet);font-style:italic}
.compare{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end}
.compare label{margin:0}
figure{margin:1rem 0;max-width:60rem}
svg{display:block;width:100%;height:8rem}
svg *{vector-effect:non-scaling-stroke}
.most,.ends,figcaption{font-size:.85rem}
.most,.ends{color:var(--quiet);font-variant-numeric:tabular-nums}
.ends{display:flex;justify-content:space-between;margin:.2rem 0 .4rem}
.bar{fill:var(--link)}
.rule{margin-top:1.25rem}
.again{fill:var(--quiet)}
.refused{fill:var(--alert)}
.axis{stroke:var(--line);stroke-width:1}
.all{fill:none;stroke:var(--link);stroke-width:2;stroke-dasharray:6 4}
.done{fill:none;stroke:var(--done);stroke-width:2.5}
`;
