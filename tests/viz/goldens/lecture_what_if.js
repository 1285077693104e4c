{forward:[
[3,v=>(v[0]+v[1])],
[4,v=>(v[3]*v[2])]
],
edges:[
[0,3,v=>1,false,null],
[1,3,v=>1,false,null],
[3,4,v=>v[2],false," = "],
[2,4,v=>v[3],false," = "]
],
backward:[2,3,0,1],
single:[]}
