# expect: limit
def process(data, state):
    t = ()
    for i in range(2000):
        t = ((((((((((((((t,),),),),),),),),),),),),),)
    return {"r": {t: 1}[t]}
