import { chromium } from "@playwright/test";
const url = process.argv[2];
const b = await chromium.launch({executablePath:"/usr/bin/chromium",args:["--headless","--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"]});
const p = await b.newPage({viewport:{width:1440,height:900},colorScheme:"dark"});
p.on("console",m=>{if(m.type()==="error")console.log("console:",m.text())});
const t0=Date.now();
await p.goto(url); await p.waitForTimeout(2500); console.log(p.url());
await p.screenshot({path:"/tmp/s-overview0.png"});
const base=new URL(url).origin;
for(let i=0;i<120;i++){ const r=await p.request.get(base+"/api/v1/alerts"); const j=await r.json(); if(j.alerts?.length){console.log("first alert after",(Date.now()-t0)/1000,"s"); break;} await p.waitForTimeout(500);}
await p.waitForTimeout(25000);
await p.goto(base+"/"); await p.waitForTimeout(2500); await p.screenshot({path:"/tmp/s-overview.png"});
await p.goto(base+"/alerts"); await p.waitForTimeout(2500); await p.screenshot({path:"/tmp/s-alerts.png"});
const j=await (await p.request.get(base+"/api/v1/alerts")).json(); console.log(j.alerts.map(a=>[a.rule_id.slice(0,8),a.title.en,a.severity,a.vehicle,a.count].join(" | ")).join("\n"));
const a=j.alerts.find(a=>a.vehicle?.startsWith("obd"))??j.alerts[0];
await p.goto(base+"/alerts/"+a.id); await p.waitForTimeout(3000); await p.screenshot({path:"/tmp/s-alert.png",fullPage:true});
await p.goto(base+"/vehicles"); await p.waitForTimeout(2500); await p.screenshot({path:"/tmp/s-vehicles.png"});
await p.goto(base+"/vehicles/"+(a.vehicle??"obd-0001")); await p.waitForTimeout(3500); await p.screenshot({path:"/tmp/s-vehicle.png"});
await b.close();
