/** How the live page looks: dark, one column on a phone. */
export const LIVE_STYLE = `
:root { color-scheme: dark; --ground: #0b0f14; --panel: #131921; --line: #232c38; --dim: #8b99ab; --text: #e9eff7;
  --accent: #4aa8ff; --live: #35d07f; --warn: #ffb454; --bad: #ff6b5e; }
* { box-sizing: border-box; }
html, body { height: 100%; }
body { margin: 0; display: flex; flex-direction: column; background: var(--ground); color: var(--text);
  font: 15px/1.4 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 16px; padding: 10px 16px; border-bottom: 1px solid var(--line); }
.title { display: flex; align-items: center; gap: 10px; min-width: 0; margin-right: auto; }
h1 { margin: 0; font-size: 16px; font-weight: 600; overflow-wrap: anywhere; }
#dot { width: 10px; height: 10px; border-radius: 50%; background: var(--bad); flex: none; transition: background .3s; }
.live #dot { background: var(--live); box-shadow: 0 0 10px var(--live); }
.group { display: inline-flex; border: 1px solid var(--line); border-radius: 9px; overflow: hidden; background: var(--panel); }
.group button { border: 0; border-radius: 0; background: none; }
.group button + button { border-left: 1px solid var(--line); }
button { font: inherit; font-size: 13px; line-height: 20px; color: inherit; padding: 7px 12px; cursor: pointer;
  background: var(--panel); border: 1px solid var(--line); border-radius: 9px; white-space: nowrap; }
button:hover { background: #1b2430; }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
button[aria-pressed="true"] { background: var(--text); color: var(--ground); }
button:disabled { opacity: .45; cursor: default; }
#camera { background: var(--accent); border-color: var(--accent); color: #04121f; font-weight: 600; }
#camera.on { background: var(--bad); border-color: var(--bad); color: #1d0503; }
main { flex: 1; min-height: 0; display: grid; padding: 14px; }
#stage { position: relative; min-width: 0; min-height: 0; border-radius: 14px; overflow: hidden; background: #05070a;
  border: 1px solid var(--line); display: grid; place-items: center; }
#video, #image, #boxes { grid-area: 1 / 1; width: 100%; height: 100%; min-height: 0; object-fit: contain; }
#boxes { pointer-events: none; z-index: 1; }
#stage:fullscreen { border: 0; border-radius: 0; }
#note { grid-area: 1 / 1; z-index: 2; max-width: min(34em, 90%); padding: 14px 20px; border-radius: 12px; text-align: center; background: #000b; }
#note small { display: block; margin-top: 4px; color: var(--dim); }
#self { position: absolute; right: 12px; bottom: 12px; width: clamp(96px, 18%, 220px); border-radius: 10px; border: 1px solid #fff3; z-index: 3;
  box-shadow: 0 6px 24px #000a; transform: scaleX(-1); }
footer { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 22px; padding: 10px 16px 14px; border-top: 1px solid var(--line); }
dl { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0; }
dl div { display: flex; align-items: baseline; gap: 6px; }
dt { color: var(--dim); font-size: 12px; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
#found { margin-left: auto; display: flex; flex-wrap: wrap; gap: 6px; }
#found span { padding: 2px 10px; border-radius: 99px; background: var(--panel); border: 1px solid var(--line); font-size: 13px; white-space: nowrap; }
[hidden] { display: none !important; }
@media (max-width: 640px) {
  header { padding: 10px 12px; } main { padding: 0; } #stage { border-radius: 0; border-width: 0; }
  .controls { display: flex; flex-wrap: wrap; gap: 8px; width: 100%; } .group { flex: 1 1 100%; } .group button, .controls > button { flex: 1; padding-inline: 6px; }
  footer { padding: 10px 12px 14px; } #found { margin-left: 0; } dl { gap: 4px 16px; }
}
`;
