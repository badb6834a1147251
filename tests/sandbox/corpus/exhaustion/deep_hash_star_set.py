# expect: limit
def process(data, state):
    t = ()
    for i in range(8000):
        t = ((((((((((((((((((((((((((((((((t,),),),),),),),),),),),),),),),),),),),),),),),),),),),),),),),)
    s = {*[t]}
    return {"r": len(s)}
